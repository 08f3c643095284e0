//! The JSON Schema of the records. In: the types. Out: what `unmask schema` prints.

use crate::types::record::{Record, SCHEMA};

/// JSON Schema (2020-12) of one line of the stream.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Record).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".into(), SCHEMA.into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Law and decency: nothing of the kind may ever be a field or a value.
    const FORBIDDEN: [&str; 14] = [
        "emotion",
        "honest",
        "decept",
        "accent",
        "gender",
        "sex",
        "age_",
        "ethnic",
        "race",
        "nationality",
        "accept",
        "reject\"",
        "genuine",
        "\"fake",
    ];

    #[test]
    fn no_field_judges_a_person() {
        let schema = schema();
        let mut names = Vec::new();
        collect(&schema, &mut names);
        assert!(names.iter().any(|n| n == "p_masked"), "the walk finds fields");
        for name in names {
            let quoted = format!("\"{name}\"");
            assert!(FORBIDDEN.iter().all(|f| !quoted.contains(f)), "{name}");
        }
    }

    /// Field names and string values.
    fn collect(value: &serde_json::Value, names: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    if key == "properties" {
                        names.extend(value.as_object().into_iter().flat_map(|o| o.keys().cloned()));
                    }
                    if key == "const" || key == "enum" {
                        names.push(value.to_string());
                    }
                    collect(value, names);
                }
            }
            serde_json::Value::Array(list) => list.iter().for_each(|v| collect(v, names)),
            _ => {}
        }
    }
}
