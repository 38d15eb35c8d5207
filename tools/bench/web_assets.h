// SPDX-License-Identifier: Apache-2.0
// Files built into the program by tools/bench/web/embed.cmake: those of its folder, and the schema.
#pragma once

#include <string_view>

namespace headrace::bench_tools::web {

extern const std::string_view kUplotScript;   // vendored/uplot/uPlot.iife.min.js
extern const std::string_view kUplotStyle;    // vendored/uplot/uPlot.min.css
extern const std::string_view kUplotLicence;  // vendored/uplot/LICENSE
extern const std::string_view kReportScript;  // report.js
extern const std::string_view kReportStyle;   // report.css
extern const std::string_view kResultSchema;  // docs/bench-result.schema.json

}  // namespace headrace::bench_tools::web
