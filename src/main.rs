//! The program: arguments to [`vigie::cli`], and its exit code. Nothing else.

fn main() -> std::process::ExitCode {
    vigie::cli::main()
}
