//! The rooms' behaviour, message by message, and under random operations.

mod behaviour;
mod links;
mod password;
mod random;
mod words;
mod world;
