//! The order in which a framework's files run their checks within one phase.

/// Source files in the order in which their checks are met: Bridge's overlap setup and its graph checks come before it
/// finalises the model config, `ModelParallelConfig` before `TransformerConfig`, Bridge's backend gate after everything else.
const FILES: [&str; 13] = [
    "comm_overlap.py",
    "cuda_graph.py",
    "model_parallel_config.py",
    "transformer_config.py",
    "parallel_state.py",
    "pipeline_parallel_layer_layout.py",
    "gpt_layer_specs.py",
    "transformer_block.py",
    "moe_layer.py",
    "router.py",
    "experts.py",
    "token_dispatcher.py",
    "shared_experts.py",
];

/// The file's place in that order; unknown files come after the known ones.
#[must_use]
pub fn file_rank(file: &str) -> u8 {
    let name = file.rsplit('/').next().unwrap_or(file);
    let known = FILES.iter().position(|known| *known == name);
    known.and_then(|index| u8::try_from(index).ok()).unwrap_or(u8::MAX)
}
