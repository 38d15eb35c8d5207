// SPDX-License-Identifier: Apache-2.0
// Results as one HTML page that needs nothing else: tables, charts (uPlot), and the results
// themselves as JSON.
//
// The page's own policy allows the scripts and styles that are in it, by their digests, and nothing
// from elsewhere; texts of results are data in it and never markup. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/bench/figures.h"

namespace headrace::bench_tools {

std::string html_page(const std::vector<Json>& results);

// Text between tags or in an attribute's quotes.
std::string html_escaped(std::string_view text);
// JSON within a script element, which nothing in it can end.
std::string script_escaped(std::string_view json);

}  // namespace headrace::bench_tools
