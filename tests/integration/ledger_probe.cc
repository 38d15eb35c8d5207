// SPDX-License-Identifier: Apache-2.0
// Writes the ledger of a load for bench_verify.test.mjs: arguments DIRECTORY RUN; each line of
// standard input is "EVENT NUMBER WHEN_NS STATUS BODY", EVENT a number of LedgerEvent.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tools/bench/ledger.h"

int main(int argc, char** argv) {
  using namespace headrace::bench_tools;
  if (argc != 3) return 2;
  const std::uint64_t run = std::strtoull(argv[2], nullptr, 16);
  auto writer = LedgerWriter::create(argv[1], {.kind = LedgerKind::kLoad, .run = run}, 0);
  if (!writer) return 1;
  unsigned event = 0;
  LedgerRecord record{.run = run};
  std::string body;
  while (std::cin >> event >> record.number >> record.when_ns >> record.status >> body) {
    record.event = static_cast<LedgerEvent>(event);
    record.body_hash = body_hash(body);
    writer->append(record);
  }
  return writer->close(record.when_ns) ? 0 : 1;
}
