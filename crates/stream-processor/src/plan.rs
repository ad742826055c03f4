//! The shape of a pipeline, for people.

mod graph;

use std::fmt;

use self::graph::Graph;
use crate::StageId;

/// What stages a pipeline has, in call order.
///
/// It shows as its stages with arrows between them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    stages: Vec<StageNote>,
    /// What sinks are called.
    sinks: Vec<String>,
}

/// What is known of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageNote {
    /// The operator that made it.
    pub kind: &'static str,
    /// What it is called, if it was given a name.
    pub name: Option<String>,
    /// How many of the stages that follow it are on each of its two ways, if it splits them.
    pub branches: Option<(usize, usize)>,
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

    /// The pipeline as a graph in the language of Graphviz.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_processor::Pipeline;
    ///
    /// let pipeline = Pipeline::empty().map(|n: u32| n + 1).named("next");
    /// assert!(pipeline.plan().to_dot().contains(r#"n1 [label="next (map)"];"#));
    /// assert!(pipeline.plan().to_dot().contains("n0 -> n1;"));
    /// ```
    pub fn to_dot(&self) -> String {
        Graph::of(self).dot()
    }

    /// The pipeline as a flowchart in the language of Mermaid.
    pub fn to_mermaid(&self) -> String {
        Graph::of(self).mermaid()
    }

    pub(crate) fn add(&mut self, kind: &'static str) {
        self.stages.push(StageNote { kind, name: None, branches: None });
    }

    /// Adds a stage with two ways of so many stages, which follow.
    pub(crate) fn add_split(&mut self, branches: (usize, usize)) {
        self.stages.push(StageNote { kind: "split", name: None, branches: Some(branches) });
    }

    pub(crate) fn add_sink(&mut self, name: Option<&str>) {
        let number = self.sinks.len();
        self.sinks
            .push(name.map_or_else(|| format!("sink #{number}"), |name| format!("sink {name}")));
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.stages.extend(other.stages);
        self.sinks.extend(other.sinks);
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
