//! What a native program and a wasm module under Node have different names for.

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use rustix::time::{ClockId, clock_gettime};

    /// Processor time of all threads, milliseconds: OpenMLS uses several. Unlike
    /// the time of day it does not grow while others have the cores.
    pub(crate) fn cpu_ms() -> f64 {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    }

    /// Prints a line.
    pub(crate) fn say(line: &str) {
        println!("{line}");
    }
}

#[cfg(target_arch = "wasm32")]
mod node {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        type CpuUsage;
        #[wasm_bindgen(js_namespace = process, js_name = cpuUsage)]
        fn cpu_usage() -> CpuUsage;
        #[wasm_bindgen(method, getter)]
        fn user(this: &CpuUsage) -> f64;
        #[wasm_bindgen(method, getter)]
        fn system(this: &CpuUsage) -> f64;
        #[wasm_bindgen(js_namespace = console, js_name = log)]
        pub(crate) fn say(line: &str);
    }

    /// Processor time of Node's process, milliseconds; what its compiler takes
    /// beside us counts too, so whatever is measured runs once before.
    pub(crate) fn cpu_ms() -> f64 {
        let usage = cpu_usage();
        (usage.user() + usage.system()) / 1e3
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{cpu_ms, say};
#[cfg(target_arch = "wasm32")]
pub(crate) use node::{cpu_ms, say};
