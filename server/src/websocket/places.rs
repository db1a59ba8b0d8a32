//! Limits the number of connections, in total and per client address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connection slots. Clones share them.
#[derive(Debug, Clone)]
pub struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    /// 0 for no limit.
    most_of_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a connection was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// All slots are in use.
    InAll,
    /// The address has its maximum number of connections.
    OfAddress(usize),
}

/// A connection slot, released on drop.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    address: Option<IpAddr>,
}

impl Places {
    pub(crate) fn new(most: usize, most_of_address: usize) -> Self {
        Self(Arc::new(Shared {
            most,
            most_of_address,
            taken: Mutex::default(),
        }))
    }

    /// Takes a slot for a client of `address`; a client of unknown address counts only towards the total.
    pub(crate) fn take(&self, address: Option<IpAddr>) -> Result<Place, NoPlace> {
        let address = address.map(client);
        let mut taken = self.lock();
        if taken.count >= self.0.most {
            return Err(NoPlace::InAll);
        }
        if let Some(address) = address {
            let most = self.0.most_of_address;
            let of_address = taken.by_address.entry(address).or_insert(0);
            // a missing entry means no connection, which is below the limit
            if most > 0 && *of_address >= most {
                return Err(NoPlace::OfAddress(most));
            }
            *of_address += 1;
        }
        taken.count += 1;
        Ok(Place {
            places: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        let taken = self.0.taken.lock();
        taken.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.count -= 1;
        let Some(address) = self.address else {
            return;
        };
        if let Some(of_address) = taken.by_address.get_mut(&address) {
            *of_address -= 1;
            if *of_address == 0 {
                taken.by_address.remove(&address);
            }
        }
        if taken.by_address.capacity() > 64 + 4 * taken.by_address.len() {
            taken.by_address.shrink_to_fit();
        }
    }
}

/// The key that identifies a client: an IPv4 address, or the /64 network of an IPv6 address.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn places_end_by_address_and_in_all() {
        let places = Places::new(3, 2);
        let first = places.take(address("192.0.2.1")).expect("free");
        // the same address in IPv6 notation
        let _second = places.take(address("::ffff:192.0.2.1")).expect("free");
        let third = places.take(address("192.0.2.1"));
        assert_eq!(third.err(), Some(NoPlace::OfAddress(2)));
        let _other = places.take(address("192.0.2.2")).expect("free");
        assert_eq!(places.take(None).err(), Some(NoPlace::InAll));
        drop(first);
        let _again = places.take(address("192.0.2.1")).expect("free again");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let places = Places::new(9, 1);
        let one = places.take(address("2001:db8::1")).expect("free");
        let same = places.take(address("2001:db8::2"));
        assert_eq!(same.err(), Some(NoPlace::OfAddress(1)));
        let other = places.take(address("2001:db8:0:1::1")).expect("free");
        drop((one, other));
        assert!(places.lock().by_address.is_empty());
    }

    #[test]
    fn without_a_limit_an_address_takes_all() {
        let places = Places::new(100, 0);
        let all: Vec<_> = (0..100)
            .map(|_| places.take(address("::1")).expect("free"))
            .collect();
        assert_eq!(places.take(None).err(), Some(NoPlace::InAll));
        drop(all);
        assert_eq!(places.lock().count, 0);
    }
}
