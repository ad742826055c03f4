//! Topic filters as a tree, one segment a level.

mod segment;

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};
use stream_model::TopicFilter;

use self::segment::Segment;

/// The place of a node in its tree.
type NodeId = u32;

/// Where every filter begins.
const ROOT: NodeId = 0;

/// A tree of filters.
///
/// All edges lie in one table, so that a node costs little and any child is found at once.
/// A wildcard at the end is no node of its own but a way in which a filter ends at the node before.
#[derive(Debug, Clone)]
pub(super) struct Trie<K> {
    nodes: Vec<Node<K>>,
    free: Vec<NodeId>,
    /// The nodes below another by name, found by their parent and segment.
    edges: HashTable<NodeId>,
    hasher: DefaultHashBuilder,
    len: usize,
}

#[derive(Debug, Clone)]
struct Node<K> {
    parent: NodeId,
    /// The node below by `*`; the root if there is none.
    star: NodeId,
    /// How many nodes are below, also by `*`.
    children: u32,
    segment: Segment,
    ends: Ends<K>,
}

/// How a filter ends at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The topic ends here, too.
    Here,
    /// With `*`: the topic has one segment more.
    One,
    /// With `>`: the topic has segments more.
    Some,
}

/// The filters that end at a node; most nodes have one or none.
#[derive(Debug, Clone)]
enum Ends<K> {
    None,
    Single(End, K),
    #[expect(clippy::box_collection, reason = "a vector in place would double every node")]
    Many(Box<Vec<(End, K)>>),
}

impl<K: Clone + Eq> Trie<K> {
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::new(ROOT, Segment::new(""))],
            free: Vec::new(),
            edges: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, filter: &TopicFilter, key: K) {
        let (path, end) = parts(filter);
        let mut id = ROOT;
        for segment in path {
            id = match self.child(id, segment) {
                Some(child) => child,
                None => self.grow(id, segment),
            };
        }
        if let Some(node) = self.node_mut(id) {
            node.ends.push(end, key);
            self.len += 1;
        }
    }

    pub(super) fn remove(&mut self, filter: &TopicFilter, key: &K) -> bool {
        let (mut path, end) = parts(filter);
        let Some(id) = path.try_fold(ROOT, |id, segment| self.child(id, segment)) else {
            return false;
        };
        let removed = self.node_mut(id).is_some_and(|node| node.ends.remove(end, key));
        if removed {
            self.len -= 1;
            self.prune(id);
        }
        removed
    }

    /// Calls `found` with every key whose filter takes `topic`.
    pub(super) fn for_each_match(&self, topic: &str, mut found: impl FnMut(&K)) {
        self.walk(ROOT, Some(topic), &mut found);
    }

    /// Looks at the node `id`, where `rest` of the topic is left.
    ///
    /// A filter has few segments, so this does not go deep.
    fn walk(&self, id: NodeId, rest: Option<&str>, found: &mut impl FnMut(&K)) {
        let Some(node) = self.node(id) else { return };
        let Some(rest) = rest else { return node.ends.each(&[End::Here], found) };
        let (segment, rest) = match rest.split_once('.') {
            Some((segment, rest)) => (segment, Some(rest)),
            None => (rest, None),
        };
        let ends: &[End] = if rest.is_none() { &[End::One, End::Some] } else { &[End::Some] };
        node.ends.each(ends, found);
        if node.children == 0 {
            return;
        }
        if let Some(child) = self.named_child(id, segment) {
            self.walk(child, rest, found);
        }
        if node.star != ROOT {
            self.walk(node.star, rest, found);
        }
    }

    fn node(&self, id: NodeId) -> Option<&Node<K>> {
        self.nodes.get(usize::try_from(id).ok()?)
    }

    fn node_mut(&mut self, id: NodeId) -> Option<&mut Node<K>> {
        self.nodes.get_mut(usize::try_from(id).ok()?)
    }

    fn child(&self, id: NodeId, segment: &str) -> Option<NodeId> {
        if segment == "*" {
            return self.node(id).map(|node| node.star).filter(|star| *star != ROOT);
        }
        self.named_child(id, segment)
    }

    fn named_child(&self, id: NodeId, segment: &str) -> Option<NodeId> {
        let is_it = |child: &NodeId| {
            self.node(*child).is_some_and(|node| node.parent == id && node.segment.is(segment))
        };
        self.edges.find(self.hash(id, segment.as_bytes()), is_it).copied()
    }

    fn hash(&self, parent: NodeId, segment: &[u8]) -> u64 {
        self.hasher.hash_one((parent, segment))
    }

    /// Adds a node below `parent`.
    fn grow(&mut self, parent: NodeId, segment: &str) -> NodeId {
        let node = Node::new(parent, Segment::new(segment));
        let id = match self.free.pop() {
            Some(id) => id,
            None => NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX),
        };
        match self.node_mut(id) {
            Some(slot) => *slot = node,
            None => self.nodes.push(node),
        }
        if let Some(parent) = self.node_mut(parent) {
            parent.children += 1;
            if segment == "*" {
                parent.star = id;
            }
        }
        if segment != "*" {
            self.link(id, self.hash(parent, segment.as_bytes()));
        }
        id
    }

    fn link(&mut self, id: NodeId, hash: u64) {
        let Self { nodes, edges, hasher, .. } = self;
        let rehash = |id: &NodeId| {
            let node = usize::try_from(*id).ok().and_then(|id| nodes.get(id));
            node.map_or(0, |node| hasher.hash_one((node.parent, node.segment.as_bytes())))
        };
        edges.insert_unique(hash, id, rehash);
    }

    /// Takes `id` out, and its parents, as far as nothing needs them.
    fn prune(&mut self, mut id: NodeId) {
        while id != ROOT {
            let Some(node) = self.node(id).filter(|node| node.is_idle()) else { return };
            let parent = node.parent;
            let hash = self.hash(parent, node.segment.as_bytes());
            let linked = self.edges.find_entry(hash, |child| *child == id);
            if let Ok(entry) = linked {
                entry.remove();
            }
            if let Some(node) = self.node_mut(parent) {
                node.children -= 1;
                if node.star == id {
                    node.star = ROOT;
                }
            }
            self.free.push(id);
            id = parent;
        }
    }
}

impl<K> Node<K> {
    fn new(parent: NodeId, segment: Segment) -> Self {
        Self { parent, star: ROOT, children: 0, segment, ends: Ends::None }
    }

    fn is_idle(&self) -> bool {
        self.children == 0 && matches!(self.ends, Ends::None)
    }
}

impl<K: Clone + Eq> Ends<K> {
    fn push(&mut self, end: End, key: K) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::Single(end, key),
            Self::Single(first, other) => Self::Many(Box::new(vec![(first, other), (end, key)])),
            Self::Many(mut ends) => {
                ends.push((end, key));
                Self::Many(ends)
            }
        };
    }

    fn remove(&mut self, end: End, key: &K) -> bool {
        match self {
            Self::Single(found, other) if *found == end && other == key => *self = Self::None,
            Self::None | Self::Single(..) => return false,
            Self::Many(ends) => {
                let wanted = |(found, other): &(End, K)| *found == end && other == key;
                let Some(index) = ends.iter().position(wanted) else { return false };
                ends.swap_remove(index);
                match ends.pop() {
                    Some((end, key)) if ends.is_empty() => *self = Self::Single(end, key),
                    Some(last) => ends.push(last),
                    None => *self = Self::None,
                }
            }
        }
        true
    }

    /// Calls `found` with the keys that end in one of these ways.
    fn each(&self, wanted: &[End], found: &mut impl FnMut(&K)) {
        match self {
            Self::None => {}
            Self::Single(end, key) => {
                if wanted.contains(end) {
                    found(key);
                }
            }
            Self::Many(ends) => {
                ends.iter().filter(|(end, _)| wanted.contains(end)).for_each(|(_, key)| found(key));
            }
        }
    }
}

/// The segments that lead to a filter's node, and how it ends there.
fn parts(filter: &TopicFilter) -> (std::str::Split<'_, char>, End) {
    let mut path = filter.as_str().split('.');
    if filter.is_all() {
        path.next_back();
        return (path, End::Some);
    }
    let end = match filter.as_str().rsplit('.').next() {
        Some(">") => End::Some,
        Some("*") => End::One,
        _ => return (path, End::Here),
    };
    path.next_back();
    (path, end)
}
