//! Whether data is as it should be, by named rules.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A rule.
type Check<T> = Arc<dyn Fn(&T) -> bool + Send + Sync>;

/// Named rules for data of one type.
///
/// # Examples
///
/// ```
/// use stream_processor::StreamValidator;
///
/// let mut validator = StreamValidator::new();
/// validator.add_validator("positive", |n: &i64| *n > 0);
/// assert!(validator.validate("positive", &1));
/// assert!(!validator.validate("positive", &-1));
/// // What nobody has a rule for is valid.
/// assert!(validator.validate("even", &3));
/// ```
#[derive(Clone)]
pub struct StreamValidator<T> {
    checks: HashMap<String, Check<T>>,
}

impl<T> StreamValidator<T> {
    /// No rules: everything is valid.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule, or replaces the one of this name.
    pub fn add_validator(
        &mut self,
        name: impl Into<String>,
        check: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) {
        self.checks.insert(name.into(), Arc::new(check));
    }

    /// Whether `data` keeps the rule, or there is none of this name.
    pub fn validate(&self, name: &str, data: &T) -> bool {
        self.checks.get(name).is_none_or(|check| check(data))
    }

    /// Whether there is a rule of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.checks.contains_key(name)
    }
}

/// A JSON Schema that cannot be used.
#[cfg(feature = "schema")]
#[derive(Debug, thiserror::Error)]
#[error("not a JSON Schema")]
pub struct SchemaError(#[source] stream_model::BoxError);

#[cfg(feature = "schema")]
impl StreamValidator<serde_json::Value> {
    /// Adds a rule that a JSON Schema says, or replaces the one of this name.
    ///
    /// Nothing that it refers to is fetched.
    ///
    /// # Errors
    /// [`SchemaError`] if `schema` is none; then nothing is changed.
    pub fn add_schema(
        &mut self,
        name: impl Into<String>,
        schema: &serde_json::Value,
    ) -> Result<(), SchemaError> {
        let schema = jsonschema::validator_for(schema);
        let schema = schema.map_err(|error| SchemaError(error.to_string().into()))?;
        self.add_validator(name, move |data| schema.is_valid(data));
        Ok(())
    }
}

impl<T> Default for StreamValidator<T> {
    fn default() -> Self {
        Self { checks: HashMap::new() }
    }
}

impl<T> fmt::Debug for StreamValidator<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<&String> = self.checks.keys().collect();
        names.sort_unstable();
        f.debug_struct("StreamValidator").field("checks", &names).finish()
    }
}
