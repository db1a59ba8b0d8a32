//! Limits the number of connections, in total and per client address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::http::client_of;

/// The connection slots. Clones share them.
#[derive(Debug, Clone)]
pub struct ClientSlots(Arc<SlotLimits>);

#[derive(Debug)]
struct SlotLimits {
    max_clients: usize,
    /// 0 for no limit.
    max_per_address: usize,
    taken: Mutex<SlotCounts>,
}

#[derive(Debug, Default)]
struct SlotCounts {
    count: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a connection was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSlot {
    /// All slots are in use.
    InAll,
    /// The address has its maximum number of connections.
    OfAddress(usize),
}

/// A connection slot, released on drop.
#[derive(Debug)]
pub(crate) struct ClientSlot {
    client_slots: ClientSlots,
    address: Option<IpAddr>,
}

impl ClientSlots {
    pub(crate) fn new(max_clients: usize, max_per_address: usize) -> Self {
        Self(Arc::new(SlotLimits {
            max_clients,
            max_per_address,
            taken: Mutex::default(),
        }))
    }

    /// Takes a slot for a client of `address`; a client of unknown address counts only towards the total.
    pub(crate) fn take(&self, address: Option<IpAddr>) -> Result<ClientSlot, NoSlot> {
        let address = address.map(client_of);
        let mut taken = self.lock();
        if taken.count >= self.0.max_clients {
            return Err(NoSlot::InAll);
        }
        if let Some(address) = address {
            let max = self.0.max_per_address;
            let of_address = taken.by_address.entry(address).or_insert(0);
            // a missing entry means no connection, which is below the limit
            if max > 0 && *of_address >= max {
                return Err(NoSlot::OfAddress(max));
            }
            *of_address += 1;
        }
        taken.count += 1;
        Ok(ClientSlot {
            client_slots: self.clone(),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, SlotCounts> {
        let taken = self.0.taken.lock();
        taken.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ClientSlot {
    fn drop(&mut self) {
        let mut taken = self.client_slots.lock();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn places_are_limited_by_address_and_in_total() {
        let client_slots = ClientSlots::new(3, 2);
        let first = client_slots.take(address("192.0.2.1")).expect("free");
        // the same address in IPv6 notation
        let _second = client_slots
            .take(address("::ffff:192.0.2.1"))
            .expect("free");
        let third = client_slots.take(address("192.0.2.1"));
        assert_eq!(third.err(), Some(NoSlot::OfAddress(2)));
        let _other = client_slots.take(address("192.0.2.2")).expect("free");
        assert_eq!(client_slots.take(None).err(), Some(NoSlot::InAll));
        drop(first);
        let _again = client_slots.take(address("192.0.2.1")).expect("free again");
    }

    #[test]
    fn network_of_ipv6_is_one_client() {
        let client_slots = ClientSlots::new(9, 1);
        let one = client_slots.take(address("2001:db8::1")).expect("free");
        let same = client_slots.take(address("2001:db8::2"));
        assert_eq!(same.err(), Some(NoSlot::OfAddress(1)));
        let other = client_slots.take(address("2001:db8:0:1::1")).expect("free");
        drop((one, other));
        assert!(client_slots.lock().by_address.is_empty());
    }

    #[test]
    fn address_without_a_limit_takes_all_places() {
        let client_slots = ClientSlots::new(100, 0);
        let all: Vec<_> = (0..100)
            .map(|_| client_slots.take(address("::1")).expect("free"))
            .collect();
        assert_eq!(client_slots.take(None).err(), Some(NoSlot::InAll));
        drop(all);
        assert_eq!(client_slots.lock().count, 0);
    }
}
