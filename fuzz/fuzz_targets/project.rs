#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| decostop_fuzz::project(data));
