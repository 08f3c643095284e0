//! Probability. In: a network's calibrated answer. Out: a number that is finite and within 0..=1 by construction.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// P(masked): finite, 0..=1, whatever the network's class order was. Serialised with four decimals.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Prob(f32);

impl Prob {
    /// Certain.
    pub const ONE: Self = Self(1.0);

    /// `None` unless `value` is finite and within 0..=1.
    pub fn new(value: f32) -> Option<Self> {
        (value.is_finite() && (0.0..=1.0).contains(&value)).then_some(Self(value))
    }

    /// From log-odds: `1 / (1 + e^-logit)`. `None` when `logit` is not a number.
    pub fn from_logit(logit: f32) -> Option<Self> {
        (!logit.is_nan()).then(|| Self(1.0 / (1.0 + (-logit).exp())))
    }

    /// The number, 0..=1.
    pub fn get(self) -> f32 {
        self.0
    }

    /// Log-odds, kept within ±13.8 (one in a million) so that sums stay finite.
    pub fn logit(self) -> f32 {
        let p = self.0.clamp(1e-6, 1.0 - 1e-6);
        (p / (1.0 - p)).ln()
    }
}

impl Serialize for Prob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((f64::from(self.0) * 1e4).round() / 1e4)
    }
}

impl<'de> Deserialize<'de> for Prob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f32::deserialize(deserializer)?;
        Self::new(value).ok_or_else(|| serde::de::Error::custom(format!("{value} is no probability")))
    }
}

impl schemars::JsonSchema for Prob {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Prob".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "number", "minimum": 0.0, "maximum": 1.0,
            "description": "probability that this is masked by AI; higher is more suspicious"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_always_a_probability(logit in -1e30f32..1e30) {
            let p = Prob::from_logit(logit).unwrap();
            prop_assert!((0.0..=1.0).contains(&p.get()));
            prop_assert!(p.logit().is_finite());
        }

        #[test]
        fn logit_inverts(logit in -13.0f32..13.0) {
            let back = Prob::from_logit(logit).unwrap().logit();
            prop_assert!((back - logit).abs() < 0.1 + logit.abs() * 0.05, "{back} for {logit}");
        }
    }

    #[test]
    fn refuses_what_is_no_probability() {
        for bad in [f32::NAN, f32::INFINITY, -0.01, 1.01] {
            assert_eq!(Prob::new(bad), None);
        }
        assert_eq!(Prob::from_logit(f32::NAN), None);
    }
}
