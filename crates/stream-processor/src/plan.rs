//! The shape of a pipeline, for people.

use std::fmt;

use crate::StageId;

/// What stages a pipeline has, in call order.
///
/// It shows as its stages with arrows between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    stages: Vec<StageNote>,
}

/// What is known of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageNote {
    /// The operator that made it.
    pub kind: &'static str,
    /// What it is called, if it was given a name.
    pub name: Option<String>,
}

impl Plan {
    /// Every stage, by its number.
    pub fn stages(&self) -> &[StageNote] {
        &self.stages
    }

    /// What a stage is called: its name, or its kind and number.
    pub fn name(&self, stage: StageId) -> String {
        match self.stages.get(stage.0) {
            Some(StageNote { name: Some(name), .. }) => name.clone(),
            Some(StageNote { kind, .. }) => format!("{kind}#{}", stage.0),
            None => format!("#{}", stage.0),
        }
    }

    pub(crate) fn add(&mut self, kind: &'static str) {
        self.stages.push(StageNote { kind, name: None });
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.stages.extend(other.stages);
    }

    pub(crate) fn name_last(&mut self, name: String) {
        if let Some(stage) = self.stages.last_mut() {
            stage.name = Some(name);
        }
    }

    pub(crate) fn last(&self) -> Option<StageId> {
        self.len().checked_sub(1).map(StageId)
    }

    pub(crate) fn len(&self) -> usize {
        self.stages.len()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, stage) in self.stages.iter().enumerate() {
            if number > 0 {
                f.write_str(" -> ")?;
            }
            match &stage.name {
                Some(name) => write!(f, "{}({name})", stage.kind)?,
                None => f.write_str(stage.kind)?,
            }
        }
        Ok(())
    }
}
