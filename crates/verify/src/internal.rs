//! What is confidential about the platform by its shape: address ranges and host names.

use std::net::{IpAddr, Ipv6Addr};

use decostop_profile::Profile;

use crate::error::Error;
use crate::fold::fold;

/// Internal address ranges and domains of a profile.
pub(crate) struct Internal {
    ranges: Vec<(u128, u32)>,
    domains: Vec<Box<str>>,
}

/// IPv4 as IPv6, so that one comparison serves both.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn range(text: &str) -> Option<(u128, u32)> {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length: u32 = length.map_or(Some(most), |length| length.parse().ok())?;
    (length <= most).then_some((bits(address), length + 128 - most))
}

impl Internal {
    pub(crate) fn new(profile: &Profile) -> Result<Self, Error> {
        let ranges = profile
            .internal_ranges
            .iter()
            .map(|text| {
                range(text)
                    .ok_or_else(|| Error::config("profile", "an internal range is not in CIDR notation"))
            })
            .collect::<Result<_, _>>()?;
        let domains = profile
            .internal_domains
            .iter()
            .filter(|domain| !domain.is_empty())
            .map(|domain| fold(domain).into())
            .collect();
        Ok(Self { ranges, domains })
    }

    /// An address that belongs to the platform, or to nobody outside.
    pub(crate) fn address(&self, address: IpAddr) -> bool {
        let own = match address {
            IpAddr::V4(v4) => {
                v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified()
            }
            IpAddr::V6(v6) => {
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.to_ipv4_mapped().is_some_and(|v4| self.address(v4.into()))
                    || is_local(v6)
            }
        };
        let bits = bits(address);
        own || self
            .ranges
            .iter()
            .any(|&(base, length)| length == 0 || (bits ^ base) >> (128 - length) == 0)
    }

    /// Whether a text in lower case holds a host name below an internal domain.
    pub(crate) fn host(&self, folded: &str) -> bool {
        let label = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_';
        self.domains.iter().any(|domain| {
            folded.match_indices(domain.as_ref()).any(|(at, _)| {
                let before = folded.as_bytes().get(..at).and_then(<[u8]>::last);
                let after = folded.as_bytes().get(at + domain.len());
                let starts = if domain.starts_with('.') {
                    before.is_some_and(label)
                } else {
                    !before.is_some_and(label)
                };
                starts && !after.is_some_and(label)
            })
        })
    }
}

/// Unique local and link-local addresses.
fn is_local(address: Ipv6Addr) -> bool {
    let first = address.segments().first().copied().unwrap_or_default();
    first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
}
