"""Thresholds of the program's default configuration that tables here count by; tests/tidy.rs compares them."""

# verdict.face.signs_at of src/config/verdict.rs
SIGNS_AT = 0.571
