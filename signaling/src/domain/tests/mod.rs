//! The rooms' behaviour, message by message, and under random operations.

mod behaviour;
mod consent;
mod consultation;
mod devices;
mod hosting;
mod links;
mod password;
mod random;
mod resync;
mod roles;
mod sizes;
mod words;
mod world;
