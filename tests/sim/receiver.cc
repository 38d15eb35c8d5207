// SPDX-License-Identifier: Apache-2.0
// What receivers do with what they get.
#include <algorithm>
#include <charconv>
#include <string>

#include "tests/sim/network.h"

namespace headrace::sim {

namespace {

constexpr std::string_view kHeadEnd = "\r\n\r\n";

// The value of a header whose name is written as we write it; empty when there is none.
std::string_view value_of(std::string_view head, std::string_view name) {
  const std::size_t at = head.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = head.substr(at + name.size());
  return rest.substr(0, rest.find("\r\n"));
}

std::string answer_of(int status, std::string_view body, std::string_view lines = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " x\r\n" + std::string(lines) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace

Ns Receiver::latency() {
  const Ns usual = plan_.latency / 2 + dice_.below(plan_.latency / 2 + 1);
  return troubled_ && dice_.one_in(20) ? usual * 10 : usual;
}

Receiver::Welcome Receiver::welcome(Wire& wire) {
  if (!troubled_ || dice_.below(100) >= plan_.trouble_in_100) return Welcome::kAccept;
  if (shows(Manner::kDeaf) && dice_.one_in(3)) wire.deaf = true;
  if (shows(Manner::kBlackHole) && dice_.one_in(2)) return Welcome::kSilence;
  if (shows(Manner::kRefuse)) return Welcome::kRefuse;
  return Welcome::kAccept;
}

void Receiver::on_bytes(const WirePtr& wire, std::string_view bytes) {
  if (wire->server_done) return;
  wire->inbox.append(bytes);
  for (;;) {
    const std::string_view inbox = wire->inbox;
    const std::size_t head_end = inbox.find(kHeadEnd);
    if (head_end == std::string_view::npos) return;
    const std::string_view head = inbox.substr(0, head_end + kHeadEnd.size());
    const std::string_view length = value_of(head, "Content-Length: ");
    std::size_t body_bytes = 0;
    std::from_chars(length.data(), length.data() + length.size(), body_bytes);
    if (inbox.size() < head.size() + body_bytes) return;
    take(wire, head, inbox.substr(head.size(), body_bytes));
    wire->inbox.erase(0, head.size() + body_bytes);
    if (wire->server_done) return;
  }
}

Manner Receiver::draw_manner(bool& usual) {
  usual = !troubled_ || dice_.below(100) >= plan_.trouble_in_100;
  if (usual) return Manner::kCount;
  std::vector<Manner> shown;
  for (std::uint8_t i = 0; i < static_cast<std::uint8_t>(Manner::kCount); ++i) {
    const auto manner = static_cast<Manner>(i);
    const bool at_connect =
        manner == Manner::kRefuse || manner == Manner::kBlackHole || manner == Manner::kDeaf;
    if (shows(manner) && !at_connect) shown.push_back(manner);
  }
  usual = shown.empty();
  return usual ? Manner::kCount : shown[dice_.below(shown.size())];
}

void Receiver::take(const WirePtr& wire, std::string_view head, std::string_view body) {
  bool usual = true;
  const Manner manner = draw_manner(usual);
  const bool silent_end = !usual && (manner == Manner::kReset || manner == Manner::kClose);
  // On a connection that was used before, the same attempt is then made on another one.
  const bool unseen = (silent_end && ++wire->received > 1) || wire->run != network_.run();
  if (!silent_end) ++wire->received;
  const auto id = MessageId::parse(value_of(head, "webhook-id: "));
  if (!id) return network_.ledger().fail("exact_bytes", "a request without its message's id");
  network_.trace().note("manner", number_, usual ? 99 : static_cast<std::uint64_t>(manner));
  network_.ledger().on_receipt(number_, *id, body, unseen);
  wire->last = *id;
  answer(wire, *id, manner, usual);
}

std::string Receiver::success() {
  if (dice_.one_in(4)) return "HTTP/1.1 204 x\r\n\r\n";
  if (dice_.one_in(4))
    return "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
  return answer_of(dice_.one_in(3) ? 201 : 200, "ok");
}

std::string Receiver::half_an_answer() {
  return dice_.one_in(2) ? "HTTP/1.1 200 x" : "HTTP/1.1 500 x";
}

void Receiver::answer(const WirePtr& wire, MessageId id, Manner manner, bool usual) {
  const Ns delay = latency() + dice_.below(3 * kMs);
  if (usual) {
    network_.ledger().on_success(number_, id);
    return network_.send_to_client(wire, delay, success(), true);
  }
  switch (manner) {
    case Manner::kSlow:
      network_.ledger().on_success(number_, id);
      return network_.send_to_client(wire, delay + dice_.below(20 * kSecond), success(), true);
    case Manner::kStatus: {
      const int status = dice_.any_of({301, 400, 404, 429, 500, 503, 599});
      return network_.send_to_client(wire, delay, answer_of(status, "no"), true);
    }
    case Manner::kGone:
      return network_.send_to_client(wire, delay, answer_of(410, ""), true);
    case Manner::kTooMany:
    case Manner::kRetryAfter: {
      const int status = manner == Manner::kTooMany ? 429 : 503;
      const std::string line =
          "Retry-After: " + std::to_string(dice_.any_of({0u, 1u, 3u, 40u, 5'000u})) + "\r\n";
      return network_.send_to_client(wire, delay, answer_of(status, "", line), true);
    }
    case Manner::kCloseAfter:
      network_.ledger().on_success(number_, id);
      network_.send_to_client(wire, delay, answer_of(200, "ok", "Connection: close\r\n"), true);
      wire->server_done = true;
      return network_.close_to_client(wire, delay + dice_.below(kMs), true);
    case Manner::kCloseIdle: {
      network_.ledger().on_success(number_, id);
      network_.send_to_client(wire, delay, success(), true);
      const Ns later = delay + dice_.below(30 * kMs);
      return network_.agenda().after(later, [this, wire, id] {
        wire->server_done = true;
        // It was in use again, and what came is not answered any more.
        if (wire->last != id && wire->run == network_.run())
          network_.ledger().on_receipt_unseen(number_, wire->last);
        network_.close_to_client(wire, latency(), dice_.one_in(2));
      });
    }
    case Manner::kOverrun:
      network_.ledger().on_success(number_, id);
      return network_.send_to_client(wire, delay, success() + answer_of(500, "what"), true);
    case Manner::kHangInside:
    case Manner::kDrip:
    case Manner::kHuge:
      network_.ledger().on_success(number_, id);
      [[fallthrough]];
    default:
      return answer_badly(wire, manner);
  }
}

void Receiver::answer_badly(const WirePtr& wire, Manner manner) {
  const Ns delay = latency();
  const auto close = [&](bool in_order) {
    wire->server_done = true;
    network_.close_to_client(wire, delay, in_order);
  };
  switch (manner) {
    case Manner::kHangInside:
      return network_.send_to_client(wire, delay, "HTTP/1.1 200 x\r\nContent-Length: 10\r\n\r\nabc",
                                     false);
    case Manner::kReset:
      return close(false);
    case Manner::kClose:
      return close(true);
    // Half an answer counts for nothing, whatever it began with.
    case Manner::kResetInside:
      network_.send_to_client(wire, delay, half_an_answer() + "\r\nContent-Le", false);
      return close(false);
    case Manner::kShortBody:
      network_.send_to_client(wire, delay, half_an_answer() + "\r\nContent-Length: 50\r\n\r\nshort",
                              false);
      return close(true);
    case Manner::kGarbage:
      return network_.send_to_client(
          wire, delay, dice_.any_of({"SSH-2.0-x\r\n", "HTTP/1.1 abc\r\n\r\n", "\r\n\r\n\r\n{}"}),
          false);
    case Manner::kDrip: {
      const std::string whole = answer_of(200, "drip drip drip");
      const Ns pause = dice_.any_of({kMs, 30 * kMs, 400 * kMs});
      for (std::size_t at = 0, step = 0; at < whole.size(); at += 5, ++step) {
        const std::string piece = whole.substr(at, 5);
        network_.send_to_client(wire, delay + step * pause, piece, at + 5 >= whole.size());
      }
      return;
    }
    case Manner::kHuge:
      network_.send_to_client(wire, delay, "HTTP/1.1 200 x\r\nContent-Length: 3000000\r\n\r\n",
                              false);
      for (int i = 0; i < 6; ++i)
        network_.send_to_client(wire, delay, std::string(200'000, 'x'), false);
      return;
    default:
      return;  // no answer at all
  }
}

}  // namespace headrace::sim
