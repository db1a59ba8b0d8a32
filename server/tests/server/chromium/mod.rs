//! Tests of the web page in a real browser. Part of `make test-programs`.

mod accessible;
mod browser;
mod frames;
mod live;
mod loads;
mod shots;
mod tokens;
