//! Failures by chance.

use crate::state::stateless;
use crate::{Emit, Flow, Moment, Roll, Stage, StageId};

/// A stage that cannot treat some items, by chance: the same ones for the same seed.
///
/// # Examples
///
/// ```
/// use stream_processor::Pipeline;
/// use stream_processor::testkit::RandomFail;
///
/// let survivors = || Pipeline::empty().then(RandomFail::new(7, 0.5)).over(0..100);
/// assert!((20..80).contains(&survivors().len()));
/// assert_eq!(survivors(), survivors());
/// ```
#[derive(Debug, Clone)]
pub struct RandomFail {
    random: fastrand::Rng,
    rate: f64,
    id: StageId,
}

/// What an item fails with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("failed by chance")]
pub struct ByChance;

impl RandomFail {
    /// Fails with a chance of `rate`, from 0 to 1.
    pub fn new(seed: u64, rate: f64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), rate, id: StageId::default() }
    }

    /// Whether the next one fails.
    pub fn fails(&mut self) -> bool {
        self.random.f64() < self.rate
    }

    /// A function for `try_map` that fails by chance, before `turn` is called.
    pub fn before<T, U>(
        mut self,
        mut turn: impl FnMut(&T) -> U,
    ) -> impl FnMut(&T) -> Result<U, ByChance> {
        move |item| if self.fails() { Err(ByChance) } else { Ok(turn(item)) }
    }
}

impl<T> Stage<T> for RandomFail {
    type Out = T;

    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        if self.fails() { moment.fail(self.id, ByChance) } else { out.emit(item, moment) }
    }

    fn enroll(&mut self, roll: &mut Roll) {
        self.id = roll.take();
    }
}

stateless!(RandomFail);
