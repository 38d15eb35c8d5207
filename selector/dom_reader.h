// SPDX-License-Identifier: Apache-2.0
// Reads a JSON document with simdjson's DOM and evaluates a program over it: the fast way.
//
// DOM and not On-Demand: it validates the whole document, with bounded depth, and picks the widest
// vector instructions at run time, while On-Demand is compiled for the baseline. It refuses some
// valid documents (numbers beyond 64 bits or the range of a double, lone surrogates), and it does
// not keep the text of decimals: then the scanner takes over. Limits: memory is about 14 bytes for
// a byte of document, hence kBytesMax.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "core/buffer.h"
#include "core/limits.h"
#include "selector/findings.h"
#include "selector/program_code.h"

namespace headrace::selector {

static_assert(simdjson::SIMDJSON_PADDING <= core::BufferPool::kPadding,
              "the DOM reads in the receive buffer");
static_assert(simdjson::DEFAULT_MAX_DEPTH <= core::limits::kJsonDepthMax,
              "the DOM accepts nothing deeper");

class DomReader {
 public:
  // Longer documents are left to the scanner: half as fast, but it needs no memory for them. So a
  // reader never keeps more than 4 MiB, whatever it has seen.
  static constexpr std::size_t kBytesMax = 256 * core::limits::kKiB;

  // False: refused, or a path met a number whose text is needed; `findings` then holds a part only.
  // Requires: simdjson's padding behind `text`.
  bool read(const Program::Code& code, std::uint32_t root, std::string_view text,
            Findings& findings) noexcept {
    simdjson::dom::element document;
    if (text.size() > kBytesMax || !reserve(text.size())) return false;
    if (parser_.parse_into_document(document_, text.data(), text.size(), false).get(document))
      return false;
    return !code.nodes[root].has_children() || Walk{code, findings}.value(root, document);
  }

 private:
  struct Walk {
    const Program::Code& code;
    Findings& findings;

    // Recurses as deep as the longest path.
    bool value(std::uint32_t node, simdjson::dom::element element) {
      using Type = simdjson::dom::element_type;
      switch (element.type()) {
        case Type::OBJECT:
          return object(node, element.get_object().value_unsafe());
        case Type::ARRAY:
          return array(node, element.get_array().value_unsafe());
        case Type::STRING:
          return text(node, element.get_string().value_unsafe(), ValueKind::kText);
        case Type::INT64:
          return integer(node, element.get_int64().value_unsafe());
        case Type::UINT64:
          return integer(node, element.get_uint64().value_unsafe());
        case Type::BOOL:
          return text(node, element.get_bool().value_unsafe() ? "true" : "false",
                      ValueKind::kLiteral);
        case Type::NULL_VALUE:
          return text(node, "null", ValueKind::kLiteral);
        case Type::DOUBLE:
          break;
      }
      return !code.nodes[node].takes_number();
    }

    bool object(std::uint32_t node, simdjson::dom::object members) {
      findings.container(node, ValueKind::kObject);
      std::uint32_t wanted = code.nodes[node].key_count;
      if (wanted == 0) return true;
      for (const auto member : members) {
        const std::uint32_t child = code.child(node, member.key);
        if (child == kNoNode || !findings.visit(child)) continue;
        if (!value(child, member.value)) return false;
        if (--wanted == 0) break;
      }
      return true;
    }

    bool array(std::uint32_t node, simdjson::dom::array elements) {
      findings.container(node, ValueKind::kArray);
      auto edge = code.nodes[node].elements.begin();
      const auto last = code.nodes[node].elements.end();
      if (edge == last) return true;
      std::uint32_t index = 0;
      for (const auto element : elements) {
        for (; edge != last && edge->index == index; ++edge) {
          if (!value(edge->child, element)) return false;
        }
        if (edge == last) break;
        ++index;
      }
      return true;
    }

    bool text(std::uint32_t node, std::string_view content, ValueKind kind) {
      if (code.nodes[node].takes_scalar()) findings.text(node, content, kind);
      return true;
    }

    template <class Integer>
    bool integer(std::uint32_t node, Integer number) {
      if (!code.nodes[node].takes_number()) return true;
      char digits[24];  // the normal form of what fits 64 bits is its plain digits
      const char* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
      findings.normal_number(node,
                             std::string_view(digits, static_cast<std::size_t>(end - digits)));
      return true;
    }
  };

  // In powers of two, so that a slightly longer document than ever before seldom means an
  // allocation.
  bool reserve(std::size_t bytes) noexcept {
    if (bytes <= document_.capacity() && bytes <= parser_.capacity()) return true;
    const std::size_t capacity = std::bit_ceil(std::max(bytes, core::limits::kReceiveBufferBytes));
    return !document_.allocate(capacity) && !parser_.allocate(capacity);
  }

  simdjson::dom::parser parser_;
  simdjson::dom::document document_;
};

}  // namespace headrace::selector
