#pragma once
/* An address that moves between the stations of one network: netlink, ARP and neighbour discovery. Families are AF_INET
   (4 bytes of address) and AF_INET6 (16 bytes). */
#include <stdint.h>

/* Adds (1) or removes (0) an address by netlink; done already is fine. 0 or an errno (EPERM without CAP_NET_ADMIN). */
int clinux_address_change(int add, int interface, int family, const uint8_t *address, int prefix);

/* 1 when the interface has the address, 0 when not, -1 with errno. */
int clinux_address_present(const char *interface, int family, const uint8_t *address);

/* A non-blocking netlink socket that tells of links and of addresses that go; -1 with errno. */
int clinux_link_watch(void);
/* Reads what waits on it: 1 or 0 when the interface has a carrier now or not, -1 when nothing was said of it. `lost` is set
   to 1 when the interface lost an address, whichever, and to 0 otherwise. */
int clinux_link_read(int watch, int interface, int *lost);

/* A non-blocking socket that hears who claims addresses on an interface (ARP, or neighbour advertisements); -1 with
   errno (EPERM without CAP_NET_RAW). */
int clinux_station_open(int interface, int family);
/* The interface's hardware address; 0 or an errno. */
int clinux_station_hardware(const char *interface, uint8_t hardware[6]);
/* 1 when the interface is up and has a carrier, 0 when not, -1 with errno. */
int clinux_station_carrier(const char *interface);
/* Tells the network that this station has the address (gratuitous ARP, unsolicited advertisement); 0 or an errno. */
int clinux_station_announce(
    int station, int interface, int family, const uint8_t *address, const uint8_t hardware[6]);
/* Asks whether any station has the address, without claiming it; 0 or an errno. */
int clinux_station_probe(
    int station, int interface, int family, const uint8_t *address, const uint8_t hardware[6]);
/* Reads what waits: 1 when another station claims the address (its hardware address is put into `who`), else 0. */
int clinux_station_claimed(
    int station, int family, const uint8_t *address, const uint8_t hardware[6], uint8_t who[6]);

/* The watchdog device's own calls (linux/watchdog.h): sets the seconds, answers what the driver took; -1 with errno. */
int clinux_watchdog_timeout(int device, int seconds);
