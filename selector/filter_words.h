// SPDX-License-Identifier: Apache-2.0
// Conditions and values in words, for a dry run. May be slow.
#pragma once

#include <string>

#include "selector/filter.h"
#include "selector/findings.h"

namespace headrace::selector {

// `$Event{data}{amount} gte 100`; long strings and lists are cut.
std::string condition_in_words(const FilterCondition& condition);

// `the value is 50`, `there is no value`.
std::string value_in_words(const FoundValue& value);

}  // namespace headrace::selector
