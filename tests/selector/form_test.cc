// SPDX-License-Identifier: Apache-2.0
#include "selector/form.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace headrace::selector {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields read(std::string_view text) {
  Fields fields;
  FormField field;
  std::string name;
  std::string value;
  while (next_form_field(text, field)) {
    fields.emplace_back(form_decoded(field.name, name), form_decoded(field.value, value));
  }
  return fields;
}

TEST(FormTest, FieldsComeInOrder) {
  EXPECT_EQ(read("a=1&b=2&a=3"), (Fields{{"a", "1"}, {"b", "2"}, {"a", "3"}}));
}

TEST(FormTest, EmptyPiecesArePassedOver) {
  EXPECT_EQ(read(""), Fields{});
  EXPECT_EQ(read("&&a=1&"), (Fields{{"a", "1"}}));
}

TEST(FormTest, MissingAndFurtherEqualsSignsAreRead) {
  EXPECT_EQ(read("a&b=&=c&d=e=f"), (Fields{{"a", ""}, {"b", ""}, {"", "c"}, {"d", "e=f"}}));
}

TEST(FormTest, PlusAndPercentAreDecoded) {
  EXPECT_EQ(read("a+b=%7B%22x%22%3a1%7d&%26=%3D"), (Fields{{"a b", "{\"x\":1}"}, {"&", "="}}));
}

TEST(FormTest, ABrokenPercentStandsForItself) {
  EXPECT_EQ(read("a=%&b=%4&c=%zz&d=%4z%41&e=100%"),
            (Fields{{"a", "%"}, {"b", "%4"}, {"c", "%zz"}, {"d", "%4zA"}, {"e", "100%"}}));
}

}  // namespace
}  // namespace headrace::selector
