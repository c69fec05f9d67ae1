//! From text to comparators, with the place of every mistake.

use semver::Prerelease;

use super::{Comparator, Constraint, ConstraintError, Dialect, MAX_COMPARATORS, Op};

pub(super) struct Parser<'t> {
    pub text: &'t str,
    pub at: usize,
    pub dialect: Dialect,
}

impl Parser<'_> {
    pub fn constraint(mut self) -> Result<Constraint, ConstraintError> {
        let mut groups = Vec::new();
        let mut total = 0;
        loop {
            let group = self.group()?;
            total += group.len();
            if total > MAX_COMPARATORS || (self.dialect == Dialect::Cargo && total > 32) {
                return Err(self.error(0..self.text.len(), "it has too many parts"));
            }
            if self.dialect == Dialect::Cargo
                && group.len() > 1
                && group.iter().any(|comparator| comparator.major.is_none())
            {
                return Err(self.error(0..self.text.len(), "`*` must stand alone"));
            }
            groups.push(group);
            if !self.eat("||") {
                break;
            }
            if self.dialect == Dialect::Cargo {
                return Err(self.error(self.at - 2..self.at, "`||` is not cargo syntax"));
            }
        }
        Ok(Constraint::new(self.text.trim(), groups))
    }

    /// Comparators up to `||` or the end.
    fn group(&mut self) -> Result<Vec<Comparator>, ConstraintError> {
        let mut group = Vec::new();
        loop {
            self.skip_spaces();
            if self.rest().is_empty() || self.rest().starts_with("||") {
                return match group.is_empty() {
                    true => Err(self.error(self.at..self.at, "a version is missing here")),
                    false => Ok(group),
                };
            }
            group.push(self.comparator()?);
            let before = self.at;
            self.skip_spaces();
            if self.eat(",") {
                self.skip_spaces();
                if self.rest().is_empty() || self.rest().starts_with("||") {
                    return Err(self.error(self.at..self.at, "a version is missing after `,`"));
                }
            } else if !self.rest().is_empty() && !self.rest().starts_with("||") {
                if self.dialect == Dialect::Cargo {
                    return Err(
                        self.error(self.at..self.text.len(), "write `,` between comparators")
                    );
                }
                if before == self.at {
                    let end = self.at + self.rest().chars().next().map_or(0, char::len_utf8);
                    return Err(self.error(self.at..end, "this character is not allowed here"));
                }
            }
        }
    }

    fn comparator(&mut self) -> Result<Comparator, ConstraintError> {
        let start = self.at;
        let op = self.operator();
        self.skip_spaces();
        let version_start = self.at;
        let major = self.part(version_start)?;
        let minor = if self.eat(".") {
            self.part(version_start)?
        } else {
            Part::Absent
        };
        let patch = if minor != Part::Absent && self.eat(".") {
            self.part(version_start)?
        } else {
            Part::Absent
        };
        let pre = self.suffix(patch)?;
        let parts = [major, minor, patch];
        let span = start..self.at;
        self.check_wildcards(parts, op, span)?;
        let number = |part: Part| {
            if let Part::Number(n) = part {
                Some(n)
            } else {
                None
            }
        };
        let op = match op {
            _ if parts.contains(&Part::Wildcard) => match op {
                // An operator in front of a wildcard means what it means for the shortened version.
                None | Some(Op::Exact) => Op::Wildcard,
                Some(op) => op,
            },
            Some(op) => op,
            None if self.dialect == Dialect::Lumen && patch != Part::Absent => Op::Exact,
            None => Op::Caret,
        };
        Ok(Comparator {
            op,
            major: number(major),
            minor: number(minor),
            patch: number(patch),
            pre,
        })
    }

    fn operator(&mut self) -> Option<Op> {
        const OPERATORS: [(&str, Op); 8] = [
            ("!=", Op::Not),
            (">=", Op::GreaterEq),
            ("<=", Op::LessEq),
            (">", Op::Greater),
            ("<", Op::Less),
            ("=", Op::Exact),
            ("^", Op::Caret),
            ("~", Op::Tilde),
        ];
        let allowed = |op: Op| op != Op::Not || self.dialect == Dialect::Lumen;
        let (token, op) = OPERATORS
            .into_iter()
            .find(|(token, op)| self.rest().starts_with(token) && allowed(*op))?;
        self.at += token.len();
        Some(op)
    }

    fn check_wildcards(
        &self,
        parts: [Part; 3],
        op: Option<Op>,
        span: std::ops::Range<usize>,
    ) -> Result<(), ConstraintError> {
        let Some(first) = parts.iter().position(|part| *part == Part::Wildcard) else {
            return Ok(());
        };
        if parts[first..]
            .iter()
            .any(|part| matches!(part, Part::Number(_)))
        {
            return Err(self.error(span, "a number cannot follow a wildcard"));
        }
        if first == 0 && op.is_some() {
            return Err(self.error(span, "an operator needs a version, not `*`"));
        }
        if first == 0 && self.dialect == Dialect::Cargo && parts[1..] != [Part::Absent; 2] {
            return Err(self.error(span, "nothing can follow `*`"));
        }
        Ok(())
    }

    fn part(&mut self, version_start: usize) -> Result<Part, ConstraintError> {
        if ["*", "x", "X"]
            .iter()
            .any(|wildcard| self.rest().starts_with(wildcard))
        {
            self.at += 1;
            return Ok(Part::Wildcard);
        }
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let text = &self.rest()[..digits];
        if text.is_empty() {
            let end = self.at + self.rest().chars().next().map_or(0, char::len_utf8);
            let reason = match self.rest().chars().next() {
                Some('v' | 'V') if self.at == version_start => "leave out the `v`".to_owned(),
                Some(c) => format!("a version number was expected, not `{c}`"),
                None => "a version number is missing at the end".to_owned(),
            };
            return Err(self.error(self.at..end, reason));
        }
        if digits > 1 && text.starts_with('0') {
            return Err(self.error(self.at..self.at + digits, "numbers have no leading zero"));
        }
        let number = text
            .parse()
            .map_err(|_| self.error(self.at..self.at + digits, "the number is too large"))?;
        self.at += digits;
        Ok(Part::Number(number))
    }

    /// `-pre.1+build` after a full version; the build part is checked and dropped, as semver precedence ignores it.
    fn suffix(&mut self, patch: Part) -> Result<Prerelease, ConstraintError> {
        let start = self.at;
        let identifier = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.');
        let mut pre = Prerelease::EMPTY;
        if self.rest().starts_with('-') {
            let length = self.rest()[1..]
                .bytes()
                .take_while(|c| identifier(c))
                .count();
            let text = &self.rest()[1..=length];
            pre = Prerelease::new(text)
                .map_err(|error| self.error(start..start + 1 + length, error.to_string()))?;
            if pre.is_empty() {
                return Err(self.error(start..start + 1, "a pre-release is missing after `-`"));
            }
            self.at += 1 + length;
        }
        if self.rest().starts_with('+') {
            let length = self.rest()[1..]
                .bytes()
                .take_while(|c| identifier(c))
                .count();
            let build = semver::BuildMetadata::new(&self.rest()[1..=length]);
            if length == 0 || build.is_err() {
                return Err(self.error(
                    self.at..self.at + 1 + length,
                    "the build metadata after `+` is malformed",
                ));
            }
            self.at += 1 + length;
        }
        if self.at > start && !matches!(patch, Part::Number(_)) {
            return Err(self.error(
                start..self.at,
                "only a full version (`1.2.3`) can have a pre-release or build part",
            ));
        }
        Ok(pre)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    fn error(&self, span: std::ops::Range<usize>, reason: impl Into<String>) -> ConstraintError {
        ConstraintError {
            text: self.text.to_owned(),
            reason: reason.into(),
            span,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Number(u64),
    Wildcard,
    Absent,
}
