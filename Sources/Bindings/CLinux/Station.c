#define _GNU_SOURCE
#include "Station.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/watchdog.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { arp_frame = 42, ipv6_head = 54, advertisement_bytes = 32, solicitation_bytes = 24, frames_per_turn = 64 };

static int address_bytes(int family) { return family == AF_INET ? 4 : 16; }

static void add_attribute(struct nlmsghdr *head, unsigned short type, const void *data, unsigned short length) {
    struct rtattr *attribute = (struct rtattr *)((char *)head + NLMSG_ALIGN(head->nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = RTA_LENGTH(length);
    memcpy(RTA_DATA(attribute), data, length);
    head->nlmsg_len = NLMSG_ALIGN(head->nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

int clinux_address_change(int add, int interface, int family, const uint8_t *address, int prefix) {
    struct {
        struct nlmsghdr head;
        struct ifaddrmsg body;
        char attributes[128];
    } request = {0};
    request.head.nlmsg_len = NLMSG_LENGTH(sizeof request.body);
    request.head.nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR;
    request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0);
    request.body.ifa_family = (unsigned char)family;
    request.body.ifa_prefixlen = (unsigned char)prefix;
    request.body.ifa_index = (unsigned)interface;
    /* Without the kernel's own duplicate detection, which would hold the address back for seconds. */
    if (family == AF_INET6) request.body.ifa_flags = IFA_F_NODAD;
    add_attribute(&request.head, IFA_LOCAL, address, (unsigned short)address_bytes(family));
    add_attribute(&request.head, IFA_ADDRESS, address, (unsigned short)address_bytes(family));

    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (netlink < 0) return errno;
    struct timeval limit = {.tv_sec = 1};
    setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    int code = 0;
    char answer[1024];
    if (send(netlink, &request, request.head.nlmsg_len, 0) < 0) {
        code = errno;
    } else {
        ssize_t count = recv(netlink, answer, sizeof answer, 0);
        struct nlmsghdr *head = (struct nlmsghdr *)answer;
        if (count < 0) {
            code = errno;
        } else if (count >= (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) && head->nlmsg_type == NLMSG_ERROR) {
            code = -((struct nlmsgerr *)NLMSG_DATA(head))->error;
        } else {
            code = EPROTO;
        }
    }
    close(netlink);
    if ((add && code == EEXIST) || (!add && code == EADDRNOTAVAIL)) return 0;
    return code;
}

int clinux_address_present(const char *interface, int family, const uint8_t *address) {
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0) return -1;
    int found = 0;
    for (struct ifaddrs *entry = list; entry && !found; entry = entry->ifa_next) {
        if (!entry->ifa_addr || entry->ifa_addr->sa_family != family) continue;
        if (strcmp(entry->ifa_name, interface) != 0) continue;
        const void *bytes = family == AF_INET ? (void *)&((struct sockaddr_in *)entry->ifa_addr)->sin_addr
                                              : (void *)&((struct sockaddr_in6 *)entry->ifa_addr)->sin6_addr;
        found = memcmp(bytes, address, (size_t)address_bytes(family)) == 0;
    }
    freeifaddrs(list);
    return found;
}

int clinux_link_watch(void) {
    int watch = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (watch < 0) return -1;
    struct sockaddr_nl place = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    if (bind(watch, (struct sockaddr *)&place, sizeof place) == 0) return watch;
    int code = errno;
    close(watch);
    errno = code;
    return -1;
}

int clinux_link_read(int watch, int interface, int *lost) {
    int state = -1;
    *lost = 0;
    char buffer[8192];
    for (int turn = 0; turn < frames_per_turn; turn++) {
        ssize_t count = recv(watch, buffer, sizeof buffer, 0);
        if (count <= 0) break;
        int left = (int)count;
        for (struct nlmsghdr *head = (struct nlmsghdr *)buffer; NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
            if (head->nlmsg_type == RTM_DELADDR && head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg))) {
                struct ifaddrmsg *address = NLMSG_DATA(head);
                if ((int)address->ifa_index == interface) *lost = 1;
            }
            if (head->nlmsg_type != RTM_NEWLINK && head->nlmsg_type != RTM_DELLINK) continue;
            if (head->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg))) continue;
            struct ifinfomsg *link = NLMSG_DATA(head);
            if (link->ifi_index != interface) continue;
            state = head->nlmsg_type == RTM_NEWLINK && (link->ifi_flags & IFF_UP) && (link->ifi_flags & IFF_RUNNING);
        }
    }
    return state;
}

int clinux_station_open(int interface, int family) {
    unsigned short protocol = htons(family == AF_INET ? ETH_P_ARP : ETH_P_IPV6);
    int station = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (station < 0) return -1;
    /* Of IPv6 only advertisements: next header 58 at byte 20 of the frame, type 136 at byte 54. */
    struct sock_filter code[] = {
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, 20}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 58},
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, ipv6_head}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 136},
        {BPF_RET | BPF_K, 0, 0, 256}, {BPF_RET | BPF_K, 0, 0, 0},
    };
    struct sock_fprog filter = {.len = sizeof code / sizeof code[0], .filter = code};
    int fails = family == AF_INET6 && setsockopt(station, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0;
    struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_protocol = protocol, .sll_ifindex = interface};
    if (!fails && bind(station, (struct sockaddr *)&place, sizeof place) == 0) return station;
    int reason = errno;
    close(station);
    errno = reason;
    return -1;
}

int clinux_station_hardware(const char *interface, uint8_t hardware[6]) {
    int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (any < 0) return errno;
    struct ifreq request = {0};
    strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    int code = ioctl(any, SIOCGIFHWADDR, &request) == 0 ? 0 : errno;
    close(any);
    if (code == 0) memcpy(hardware, request.ifr_hwaddr.sa_data, 6);
    return code;
}

int clinux_station_carrier(const char *interface) {
    int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (any < 0) return -1;
    struct ifreq request = {0};
    strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    int code = ioctl(any, SIOCGIFFLAGS, &request);
    close(any);
    return code < 0 ? -1 : (request.ifr_flags & IFF_UP) && (request.ifr_flags & IFF_RUNNING);
}

static int send_frame(int station, int interface, const uint8_t *frame, size_t length) {
    struct sockaddr_ll place = {.sll_family = AF_PACKET, .sll_ifindex = interface, .sll_halen = 6};
    memcpy(place.sll_addr, frame, 6);
    return sendto(station, frame, length, MSG_DONTWAIT, (struct sockaddr *)&place, sizeof place) < 0 ? errno : 0;
}

static int send_arp(
    int station, int interface, int operation, const uint8_t *sender, const uint8_t *target, const uint8_t hardware[6]) {
    uint8_t frame[arp_frame] = {0};
    memset(frame, 0xff, 6);
    memcpy(frame + 6, hardware, 6);
    const uint8_t head[] = {0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, (uint8_t)operation};
    memcpy(frame + 12, head, sizeof head);
    memcpy(frame + 22, hardware, 6);
    if (sender) memcpy(frame + 28, sender, 4);
    if (operation == 2) memset(frame + 32, 0xff, 6);
    memcpy(frame + 38, target, 4);
    return send_frame(station, interface, frame, sizeof frame);
}

/* The checksum of ICMPv6 over its pseudo header (RFC 4443 §2.3), written into the message. */
static void seal(uint8_t *frame, size_t message) {
    uint32_t sum = (uint32_t)message + 58;
    for (size_t index = 22; index < ipv6_head + message; index += 2)
        sum += (uint32_t)(frame[index] << 8 | frame[index + 1]);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    frame[ipv6_head + 2] = (uint8_t)(~sum >> 8);
    frame[ipv6_head + 3] = (uint8_t)~sum;
}

static void begin_ipv6(
    uint8_t *frame, const uint8_t destination[6], const uint8_t hardware[6], size_t message, const uint8_t *from,
    const uint8_t *to) {
    memcpy(frame, destination, 6);
    memcpy(frame + 6, hardware, 6);
    const uint8_t head[] = {0x86, 0xdd, 0x60, 0, 0, 0, 0, (uint8_t)message, 58, 255};
    memcpy(frame + 12, head, sizeof head);
    if (from) memcpy(frame + 22, from, 16);
    memcpy(frame + 38, to, 16);
}

int clinux_station_announce(
    int station, int interface, int family, const uint8_t *address, const uint8_t hardware[6]) {
    if (family == AF_INET) {
        /* Both forms: some stations learn from requests only, some from replies only (RFC 5227 §3). */
        int code = send_arp(station, interface, 1, address, address, hardware);
        return code ? code : send_arp(station, interface, 2, address, address, hardware);
    }
    uint8_t frame[ipv6_head + advertisement_bytes] = {0};
    const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1}, destination[6] = {0x33, 0x33, 0, 0, 0, 1};
    begin_ipv6(frame, destination, hardware, advertisement_bytes, address, all_nodes);
    frame[ipv6_head] = 136;
    frame[ipv6_head + 4] = 0x20; /* override what others remember */
    memcpy(frame + ipv6_head + 8, address, 16);
    frame[ipv6_head + 24] = 2;
    frame[ipv6_head + 25] = 1;
    memcpy(frame + ipv6_head + 26, hardware, 6);
    seal(frame, advertisement_bytes);
    return send_frame(station, interface, frame, sizeof frame);
}

int clinux_station_probe(int station, int interface, int family, const uint8_t *address, const uint8_t hardware[6]) {
    if (family == AF_INET) return send_arp(station, interface, 1, NULL, address, hardware);
    uint8_t frame[ipv6_head + solicitation_bytes] = {0};
    uint8_t group[16] = {0xff, 0x02, [11] = 1, [12] = 0xff}, destination[6] = {0x33, 0x33, 0xff};
    memcpy(group + 13, address + 13, 3);
    memcpy(destination + 3, address + 13, 3);
    begin_ipv6(frame, destination, hardware, solicitation_bytes, NULL, group);
    frame[ipv6_head] = 135;
    memcpy(frame + ipv6_head + 8, address, 16);
    seal(frame, solicitation_bytes);
    return send_frame(station, interface, frame, sizeof frame);
}

int clinux_station_claimed(
    int station, int family, const uint8_t *address, const uint8_t hardware[6], uint8_t who[6]) {
    uint8_t frame[256];
    for (int turn = 0; turn < frames_per_turn; turn++) {
        struct sockaddr_ll place;
        socklen_t length = sizeof place;
        ssize_t count = recvfrom(station, frame, sizeof frame, 0, (struct sockaddr *)&place, &length);
        if (count < 0) return 0;
        if (place.sll_pkttype == PACKET_OUTGOING) continue;
        const uint8_t *claimed, *sender;
        if (family == AF_INET) {
            const uint8_t head[] = {0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4};
            if (count < arp_frame || memcmp(frame + 12, head, sizeof head) != 0) continue;
            claimed = frame + 28;
            sender = frame + 22;
        } else {
            if (count < ipv6_head + solicitation_bytes || frame[20] != 58 || frame[ipv6_head] != 136) continue;
            claimed = frame + ipv6_head + 8;
            sender = frame + 6;
        }
        if (memcmp(claimed, address, (size_t)address_bytes(family)) != 0) continue;
        if (memcmp(sender, hardware, 6) == 0) continue;
        memcpy(who, sender, 6);
        return 1;
    }
    return 0;
}

int clinux_watchdog_timeout(int device, int seconds) {
    return ioctl(device, WDIOC_SETTIMEOUT, &seconds) == 0 ? seconds : -1;
}
