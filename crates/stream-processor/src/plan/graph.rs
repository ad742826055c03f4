//! A pipeline as a drawing.

use std::fmt::Write as _;

use super::{Plan, StageNote};

/// The boxes and arrows of a pipeline.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<String>,
    edges: Vec<(usize, usize)>,
}

impl Graph {
    /// Source, stages and sinks; what is split comes together again.
    pub(super) fn of(plan: &Plan) -> Self {
        let mut graph = Self::default();
        let source = graph.node("source".to_owned());
        let ends = graph.chain(&plan.stages, vec![source]);
        for sink in &plan.sinks {
            let sink = graph.node(sink.clone());
            graph.edges.extend(ends.iter().map(|end| (*end, sink)));
        }
        graph
    }

    fn node(&mut self, label: String) -> usize {
        self.nodes.push(label);
        self.nodes.len() - 1
    }

    /// Draws `stages` behind the nodes `from`, and returns where they end.
    fn chain(&mut self, stages: &[StageNote], mut from: Vec<usize>) -> Vec<usize> {
        let mut rest = stages;
        while let Some((stage, after)) = rest.split_first() {
            let label = match &stage.name {
                Some(name) => format!("{name} ({})", stage.kind),
                None => stage.kind.to_owned(),
            };
            let node = self.node(label);
            self.edges.extend(from.iter().map(|end| (*end, node)));
            (from, rest) = match stage.branches {
                None => (vec![node], after),
                Some((first, second)) => {
                    let (first, after) = after.split_at(first.min(after.len()));
                    let (second, after) = after.split_at(second.min(after.len()));
                    let mut ends = self.chain(first, vec![node]);
                    ends.extend(self.chain(second, vec![node]));
                    (ends, after)
                }
            };
        }
        from
    }

    /// In the language of Graphviz.
    pub(super) fn dot(&self) -> String {
        let mut text = String::from("digraph pipeline {\n    rankdir=LR;\n    node [shape=box];\n");
        for (number, label) in self.nodes.iter().enumerate() {
            let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ");
            push(&mut text, format_args!("    n{number} [label=\"{label}\"];\n"));
        }
        for (from, to) in &self.edges {
            push(&mut text, format_args!("    n{from} -> n{to};\n"));
        }
        text.push_str("}\n");
        text
    }

    /// In the language of Mermaid.
    pub(super) fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (number, label) in self.nodes.iter().enumerate() {
            let label = label.replace('#', "#35;").replace('"', "#quot;").replace('\n', " ");
            push(&mut text, format_args!("    n{number}[\"{label}\"]\n"));
        }
        for (from, to) in &self.edges {
            push(&mut text, format_args!("    n{from} --> n{to}\n"));
        }
        text
    }
}

/// Adds to a text, which takes everything.
fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).unwrap_or_default();
}
