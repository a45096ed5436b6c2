//! Gives the shared library the name under which programs ask for it: it changes with the ABI version.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libdecostop.so.1");
}
