//! Laws of the encoders: what they write reads back as what went in, wherever a reader begins.

mod corpus;
mod express;
mod golden;
mod limits;
mod plans;
mod read;
mod resume;
mod said;
mod trip;
