/* The least that a proxy can do: each client gets a connection to the backend, and bytes pass both ways unread.
 *
 *   bench-relay PORT BACKEND-PORT
 *
 * What it costs is the floor that proxies which understand HTTP are held against. It trusts its peers. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK = 16 * 1024, EVENTS = 256, BACKLOG = 4096 };

/* One side of a pair; what could not be sent to it yet waits here. */
struct end {
    int fd;
    int writable;
    int readable;
    int waiting, waiting_from;
    struct end *other;
    char *held; /* BLOCK bytes once needed */
    int closed;
    struct end *next; /* in the graveyard */
};

static struct end *graveyard; /* pairs that end in this turn: later events of it may still name them */
static char block[BLOCK];
static struct sockaddr_in backend;
static int poller;

static struct end *make_end(int fd) {
    struct end *end = calloc(1, sizeof *end);
    int on = 1;
    if (!end) abort();
    end->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return end;
}

static void watch(struct end *end) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = end};
    epoll_ctl(poller, EPOLL_CTL_ADD, end->fd, &event);
}

static void end_pair(struct end *end) {
    struct end *other = end->other;
    if (end->closed) return;
    end->closed = other->closed = 1;
    close(end->fd);
    close(other->fd);
    end->next = graveyard; /* `other` goes with it */
    graveyard = end;
}

static void bury(void) {
    while (graveyard) {
        struct end *end = graveyard;
        graveyard = end->next;
        free(end->other->held);
        free(end->other);
        free(end->held);
        free(end);
    }
}

/* Passes what `from` has to its other side until one of them would block. */
static void pass(struct end *from) {
    struct end *to = from->other;
    while (to->waiting) {
        ssize_t sent;
        if (!to->writable) return;
        sent = send(to->fd, to->held + to->waiting_from, to->waiting, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) { to->writable = 0; return; }
        if (sent <= 0) { end_pair(from); return; }
        to->waiting -= sent;
        to->waiting_from += sent;
    }
    while (from->readable) {
        ssize_t sent = 0, got = recv(from->fd, block, BLOCK, 0);
        if (got < 0 && errno == EAGAIN) { from->readable = 0; return; }
        if (got <= 0) { end_pair(from); return; }
        if (got < BLOCK) from->readable = 0; /* a short read has emptied the socket */
        if (to->writable) sent = send(to->fd, block, got, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) sent = 0;
        if (sent < 0) { end_pair(from); return; }
        if (sent < got) {
            to->writable = 0;
            if (!to->held && !(to->held = malloc(BLOCK))) abort();
            memcpy(to->held, block + sent, got - sent);
            to->waiting = got - sent;
            to->waiting_from = 0;
            return;
        }
    }
}

static void accept_all(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int up = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct end *client, *server;
        if (up < 0 || (connect(up, (struct sockaddr *)&backend, sizeof backend) && errno != EINPROGRESS)) {
            close(fd);
            if (up >= 0) close(up);
            continue;
        }
        client = make_end(fd);
        server = make_end(up);
        client->other = server;
        server->other = client;
        watch(client);
        watch(server);
    }
}

int main(int count, char **words) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN};
    int on = 1, listener;
    if (count != 3) {
        fprintf(stderr, "usage: bench-relay PORT BACKEND-PORT\n");
        return 64;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    address.sin_port = htons(atoi(words[1]));
    backend = address;
    backend.sin_port = htons(atoi(words[2]));
    poller = epoll_create1(EPOLL_CLOEXEC);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, BACKLOG)) {
        perror("bench-relay: listen");
        return 1;
    }
    event.data.ptr = NULL;
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int index = 0; index < ready; index++) {
            struct end *end = events[index].data.ptr;
            if (!end) { accept_all(listener); continue; }
            if (end->closed) continue;
            if (events[index].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) end->readable = 1;
            if (events[index].events & EPOLLOUT) end->writable = 1;
            if (events[index].events & EPOLLOUT && end->waiting) pass(end->other);
            if (!end->closed && end->readable) pass(end);
        }
        bury();
    }
}
