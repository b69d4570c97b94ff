//! The rooms' behaviour, message by message, and under random operations.

mod behaviour;
mod random;
mod world;
