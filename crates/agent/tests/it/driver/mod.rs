//! The driver: its readings, their absence, and its faults.

mod absence;
mod capture;
mod catalogue;
mod clients;
mod distinct;
mod fabric;
mod failing;
mod frames;
mod gone;
mod hosts;
mod identity;
mod implausible;
mod load;
mod readings;
mod recovery;
mod slow;
mod sources;
mod usage;
mod xids;
