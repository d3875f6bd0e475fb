//! The command line of the examples: what has nothing to do with the runtime and would be the same
//! in each of them.
//!
//! The examples themselves are the files beside this package's manifest.

#![deny(unsafe_code)]

use std::fmt::Display;
use std::process::exit;

/// The arguments of a program, taken from left to right.
///
/// What is wrong with them is said on standard error together with the usage, and ends the program
/// with status 2. `--help` prints the usage and ends it with status 0.
#[derive(Debug)]
pub struct Arguments {
    program: &'static str,
    usage: &'static str,
    rest: std::vec::IntoIter<String>,
}

impl Arguments {
    /// The arguments that this process was started with. `usage` is one line that begins with the
    /// name of the program.
    #[must_use]
    pub fn of_process(usage: &'static str) -> Arguments {
        let rest: Vec<String> = std::env::args_os()
            .skip(1)
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        if rest
            .iter()
            .any(|argument| argument == "--help" || argument == "-h")
        {
            println!("usage: {usage}");
            exit(0);
        }
        Arguments {
            program: usage.split(' ').next().unwrap_or(usage),
            usage,
            rest: rest.into_iter(),
        }
    }

    /// The next argument as `HOST:PORT`, or `default` if there is none.
    #[must_use]
    pub fn address_or(&mut self, default: &str) -> String {
        match self.rest.next() {
            Some(argument) => self.checked(argument),
            None => default.to_owned(),
        }
    }

    /// The next argument as `HOST:PORT`; `name` is what the usage calls it.
    #[must_use]
    pub fn address(&mut self, name: &str) -> String {
        match self.rest.next() {
            Some(argument) => self.checked(argument),
            None => self.reject(format_args!("{name} is missing")),
        }
    }

    /// To be called when all arguments were taken: there must be no more.
    pub fn end(mut self) {
        if let Some(argument) = self.rest.next() {
            self.reject(format_args!("`{argument}` is one argument too many"));
        }
    }

    fn checked(&self, argument: String) -> String {
        if let Err(complaint) = check_address(&argument) {
            self.reject(complaint);
        }
        argument
    }

    fn reject(&self, complaint: impl Display) -> ! {
        eprintln!("{}: {complaint}\nusage: {}", self.program, self.usage);
        exit(2)
    }
}

/// Ends the program with status 1 because of what the system answered.
pub fn fail(program: &str, complaint: impl Display) -> ! {
    eprintln!("{program}: {complaint}");
    exit(1)
}

/// Says what is wrong with the form of an address. Whether the host exists, the resolver knows.
fn check_address(argument: &str) -> Result<(), String> {
    if argument.starts_with("--") {
        return Err(format!("there is no option `{argument}`"));
    }
    let Some((host, port)) = argument.rsplit_once(':') else {
        return Err(format!("`{argument}` has no port: write HOST:PORT"));
    };
    if host.is_empty() {
        return Err(format!("`{argument}` has no host: write HOST:PORT"));
    }
    if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
        return Err(format!(
            "`{argument}`: write an IPv6 address as [HOST]:PORT"
        ));
    }
    if port.parse::<u16>().is_err() {
        return Err(format!(
            "`{port}` is not a port: write a number from 0 to 65535"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_of_both_families_are_taken() {
        for good in ["127.0.0.1:3000", "localhost:0", "[::1]:65535"] {
            assert_eq!(check_address(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (bad, complaint) in [
            ("localhost", "no port"),
            (":3000", "no host"),
            ("::1:3000", "[HOST]:PORT"),
            ("localhost:http", "`http` is not a port"),
            ("localhost:65536", "`65536` is not a port"),
            ("--fast", "no option"),
        ] {
            let message = check_address(bad).unwrap_err();
            assert!(message.contains(complaint), "{bad}: {message}");
        }
    }
}
