// SPDX-License-Identifier: Apache-2.0
#include "store/rocks_tail.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "store/bytes.h"

namespace headrace::store {

namespace {

// RocksDB's format (db/log_format.h): checksum, length, type, payload.
constexpr std::size_t kBlockBytes = 32 * 1024;
constexpr std::size_t kHeaderBytes = 7;
constexpr std::string_view kSuffix = ".log";
// Of one write to the manifest: an edit for each family, each naming a few files and their keys.
constexpr std::size_t kManifestWriteBytesMax = 8 * 1024;

enum class Piece : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    table[i] = crc;
  }
  return table;
}

std::uint32_t crc32c(std::string_view bytes) noexcept {
  static constexpr std::array<std::uint32_t, 256> kTable = make_table();
  std::uint32_t crc = ~std::uint32_t{0};
  for (const char byte : bytes) {
    crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff] ^ (crc >> 8);
  }
  return ~crc;
}

// As RocksDB stores it, so that the checksum of bytes with checksums is a good one.
std::uint32_t masked(std::uint32_t crc) noexcept {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

struct Found {
  Piece piece{};
  std::size_t end = 0;
};

// The intact piece that begins there.
std::optional<Found> piece_at(std::string_view bytes, std::size_t at) noexcept {
  const std::size_t block_end = std::min((at / kBlockBytes + 1) * kBlockBytes, bytes.size());
  if (at + kHeaderBytes > block_end) return std::nullopt;
  LittleReader in{bytes.data() + at};
  const auto checksum = in.get<std::uint32_t>();
  const auto length = in.get<std::uint16_t>();
  const auto type = in.get<std::uint8_t>();
  const std::size_t end = at + kHeaderBytes + length;
  if (type < 1 || type > 4 || end > block_end) return std::nullopt;
  // Of type and payload, which lie side by side.
  if (masked(crc32c(bytes.substr(at + kHeaderBytes - 1, length + std::size_t{1}))) != checksum) {
    return std::nullopt;
  }
  return Found{Piece{type}, end};
}

bool begins_record(Piece piece) noexcept { return piece == Piece::kFull || piece == Piece::kFirst; }

// Where the next piece may begin: none begins so near to the end of a block.
std::size_t next_begin(std::size_t at) noexcept {
  const std::size_t block_end = (at / kBlockBytes + 1) * kBlockBytes;
  return at + kHeaderBytes > block_end ? block_end : at;
}

Result<std::string> read_all(const File& file) {
  auto size = file.size();
  if (!size) return std::move(size).error();
  std::string bytes(static_cast<std::size_t>(*size), '\0');
  auto got = file.read(bytes.data(), bytes.size(), 0);
  if (!got) return std::move(got).error();
  bytes.resize(*got);
  return bytes;
}

// The files of the WAL, oldest first.
Result<std::vector<std::string>> list_wal(FileSystem& files, const std::string& directory) {
  auto names = files.list(directory);
  if (!names) return std::move(names).error();
  std::vector<std::pair<std::uint64_t, std::string>> found;
  for (const std::string& name : *names) {
    if (!name.ends_with(kSuffix)) continue;
    std::uint64_t number = 0;
    const char* const end = name.data() + name.size() - kSuffix.size();
    const auto [read, error] = std::from_chars(name.data(), end, number);
    if (error == std::errc{} && read == end) found.emplace_back(number, directory + "/" + name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> paths;
  for (auto& [number, path] : found) paths.push_back(std::move(path));
  return paths;
}

struct WholeFile {
  std::string path;
  std::string bytes;
};

Result<WholeFile> read_file(FileSystem& files, std::string path) {
  auto file = files.open(path, FileSystem::Mode::kRead);
  if (!file) return std::move(file).error();
  auto bytes = read_all(**file);
  if (!bytes) return std::move(bytes).error();
  return WholeFile{std::move(path), std::move(*bytes)};
}

TailCut tail_of(WholeFile file, std::size_t intact_bytes) {
  return {std::move(file.path), file.bytes.substr(intact_bytes), intact_bytes};
}

Result<std::optional<TailCut>> torn_wal(FileSystem& files, const std::string& directory) {
  auto paths = list_wal(files, directory);
  if (!paths) return std::move(paths).error();
  std::optional<TailCut> torn;
  for (std::string& path : *paths) {
    auto file = read_file(files, std::move(path));
    if (!file) return std::move(file).error();
    const WalScan scan = scan_wal(file->bytes);
    // A later file was begun after the torn one had been synced.
    if (scan.is_damaged || (torn && scan.intact_bytes > 0)) return std::optional<TailCut>{};
    if (scan.is_torn && !torn) torn = tail_of(std::move(*file), scan.intact_bytes);
  }
  return torn;
}

Result<std::optional<TailCut>> torn_manifest(FileSystem& files, const std::string& directory) {
  auto current = read_file(files, directory + "/CURRENT");
  if (!current) return std::move(current).error();
  const std::string name = current->bytes.substr(0, current->bytes.find('\n'));
  auto file = read_file(files, directory + "/" + name);
  if (!file) return std::move(file).error();
  const WalScan scan = scan_wal(file->bytes);
  if (!scan.is_torn) return std::optional<TailCut>{};
  if (file->bytes.size() - scan.intact_bytes > kManifestWriteBytesMax) {
    return std::optional<TailCut>{};
  }
  return std::optional<TailCut>(tail_of(std::move(*file), scan.intact_bytes));
}

}  // namespace

WalScan scan_wal(std::string_view bytes) {
  WalScan scan;
  std::size_t at = 0;
  bool inside = false;
  for (; at < bytes.size(); at = next_begin(at)) {
    const auto found = piece_at(bytes, at);
    if (!found || begins_record(found->piece) == inside) break;
    at = found->end;
    inside = found->piece == Piece::kFirst || found->piece == Piece::kMiddle;
    if (!inside) scan.intact_bytes = at;
  }
  scan.is_torn = at < bytes.size();
  if (!scan.is_torn) return scan;
  for (std::size_t behind = at + 1; behind < bytes.size() && !scan.is_damaged; ++behind) {
    const auto found = piece_at(bytes, behind);
    scan.is_damaged = found && begins_record(found->piece);
  }
  return scan;
}

Result<std::optional<TailCut>> cut_torn_tail(FileSystem& files, const std::string& directory) {
  auto torn = torn_wal(files, directory);
  if (torn && !*torn) torn = torn_manifest(files, directory);
  if (!torn || !*torn) return torn;
  auto file = files.open((*torn)->path, FileSystem::Mode::kChange);
  if (!file) return std::move(file).error();
  if (auto cut = (*file)->truncate((*torn)->offset); !cut) return std::move(cut).error();
  if (auto synced = (*file)->sync_data(); !synced) return std::move(synced).error();
  return torn;
}

Result<void> put_back(FileSystem& files, const TailCut& cut) {
  auto file = files.open(cut.path, FileSystem::Mode::kChange);
  if (!file) return std::move(file).error();
  std::string tail = cut.tail;
  iovec part{tail.data(), tail.size()};
  if (auto written = (*file)->write({&part, 1}, cut.offset); !written) return written;
  return (*file)->sync_data();
}

}  // namespace headrace::store
