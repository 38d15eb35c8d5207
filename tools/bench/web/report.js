// SPDX-License-Identifier: Apache-2.0
// Draws the charts of a page of results. The tables are in the page already; this needs only the
// results, as JSON in it, and uPlot.
(() => {
  'use strict';

  const COLOURS = 6;
  const HEIGHT = 240;
  const results = JSON.parse(document.getElementById('results').textContent);

  const colour = (name) =>
      getComputedStyle(document.documentElement).getPropertyValue(name).trim() || '#808080';

  // --- numbers for people ---

  const compact = new Intl.NumberFormat('en', {notation: 'compact', maximumFractionDigits: 1});
  const plain = (value) => value == null ? '–' : compact.format(value);

  function time(us) {
    if (us == null) return '–';
    if (us >= 1e6) return `${Number((us / 1e6).toPrecision(3))} s`;
    if (us >= 1e3) return `${Number((us / 1e3).toPrecision(3))} ms`;
    return `${Number(us.toPrecision(3))} µs`;
  }

  function bytes(value) {
    if (value == null) return '–';
    for (const [size, unit] of [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'KB']]) {
      if (value >= size) return `${Number((value / size).toPrecision(3))} ${unit}`;
    }
    return `${value} B`;
  }

  // The axis of percentiles is 1 / (1 - share), so that each 9 takes as much room as the one before.
  const distance = (percent) => 1 / (1 - percent / 100);
  const percentLabel = (at) => `${Number((100 * (1 - 1 / at)).toPrecision(12))} %`;

  // --- what to draw: pure functions of results ---

  const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

  // One chart over time of those members of the series that are there; null: none is.
  function overTime(series, title, members, format) {
    const there = members.filter(([name]) => series.some((point) => isNumber(point[name])));
    if (there.length === 0) return null;
    return {
      title,
      format,
      data: [
        series.map((point) => point.t_s),
        ...there.map(([name]) => series.map((point) => isNumber(point[name]) ? point[name] : null)),
      ],
      labels: there.map(([, label]) => label),
    };
  }

  function seriesOf(result) {
    const own = result.series ?? result.load?.series ?? [];
    return own.filter((point) => isNumber(point?.t_s));
  }

  function chartsOverTime(result) {
    const series = seriesOf(result);
    if (series.length < 2) return [];
    return [
      overTime(
          series, 'Rate, a second',
          [
            ['sent_per_s', 'sent'], ['answered_per_s', 'answered'], ['accepted_per_s', 'accepted'],
            ['delivered_per_s', 'delivered'], ['errors_per_s', 'errors']
          ],
          plain),
      overTime(series, 'Backlog', [['backlog', 'backlog']], plain),
      overTime(series, 'CPU per event', [['cpu_us_per_event', 'CPU']], time),
      overTime(series, 'Latency in each interval', [['p50_us', 'p50'], ['p99_us', 'p99']], time),
      overTime(series, 'Resident memory', [['rss_bytes', 'resident']], bytes),
    ].filter((chart) => chart !== null);
  }

  // [name, [[percent, us], …]] of each distribution; of a summary, its percentiles.
  function curvesOf(result) {
    const listed = Object.entries(result.percentiles ?? {});
    const names = new Set(listed.map(([name]) => name));
    for (const [name, summary] of Object.entries(result.measured ?? result)) {
      if (names.has(name) || summary === null || typeof summary !== 'object') continue;
      const end = 'p50_us' in summary ? '_us' : 'p50' in summary && name.endsWith('_us') ? '' : null;
      if (end === null) continue;
      const points = [[50, 'p50'], [90, 'p90'], [99, 'p99'], [99.9, 'p99_9'], [99.99, 'p99_99']];
      listed.push(
          [name, points.map(([percent, member]) => [percent, summary[member + end]])]);
    }
    return listed;
  }

  // Two columns for uPlot. The end, 100 %, is nowhere on a logarithmic axis.
  function column(points) {
    const usable =
        points.filter((point) => Array.isArray(point) && isNumber(point[0]) && isNumber(point[1]))
            .filter(([percent, us]) => percent >= 0 && percent < 100 && us > 0)
            .sort(([left], [right]) => left - right);
    return [usable.map(([percent]) => distance(percent)), usable.map(([, us]) => us)];
  }

  function chartOfLatency(all) {
    const curves = [];
    all.forEach((result, index) => {
      for (const [name, points] of curvesOf(result)) {
        const run = all.length === 1 ? '' : `${index + 1} `;
        const data = column(points);
        if (data[0].length > 1) curves.push({label: run + name.replaceAll('_', ' '), data});
      }
    });
    if (curves.length === 0) return null;
    return {
      title: 'Latency by percentile',
      format: time,
      isLogarithmic: true,
      data: uPlot.join(curves.map(({data}) => data)),
      labels: curves.map(({label}) => label),
    };
  }

  // --- drawing ---

  function axis(values) {
    return {
      stroke: colour('--dim'),
      grid: {stroke: colour('--line'), width: 1},
      ticks: {stroke: colour('--line'), width: 1},
      values: (self, splits) => splits.map((each) => each === null ? '' : values(each)),
    };
  }

  function nines(self, index, min, max) {
    const splits = [1, 2];
    for (let at = 10; at <= max * 1.0001; at *= 10) splits.push(at);
    return splits.filter((at) => at >= min && at <= max * 1.0001);
  }

  function options(chart, width) {
    const isLogarithmic = chart.isLogarithmic === true;
    const across = isLogarithmic ? percentLabel : (seconds) => `${Number(seconds.toFixed(3))} s`;
    return {
      width,
      height: HEIGHT,
      scales: {
        x: isLogarithmic ? {time: false, distr: 3, log: 10, range: (self, min, max) => [min, max]} :
                           {time: false},
        y: isLogarithmic ? {distr: 3, log: 10} :
                           {range: (self, min, max) => [Math.min(0, min ?? 0), (max || 1) * 1.05]},
      },
      axes: [
        // The filter would leave out numbers that are no powers of 10.
        {...axis(across), ...(isLogarithmic ? {splits: nines, filter: (self, splits) => splits} : {})},
        {...axis(chart.format), size: 64},
      ],
      series: [
        {label: isLogarithmic ? 'percentile' : 'time', value: (self, x) => x == null ? '–' : across(x)},
        ...chart.labels.map((label, index) => ({
          label,
          stroke: colour(`--series-${index % COLOURS + 1}`),
          width: 1.5,
          dash: index < COLOURS ? undefined : [6, 4],
          spanGaps: isLogarithmic,
          points: {show: isLogarithmic || chart.data[0].length < 3},
          value: (self, y) => y == null ? '–' : chart.format(y),
        })),
      ],
    };
  }

  function draw(chart, place) {
    const figure = document.createElement('figure');
    figure.className = 'chart';
    const caption = document.createElement('figcaption');
    caption.textContent = chart.title;
    const canvas = document.createElement('div');
    figure.append(caption, canvas);
    place.append(figure);
    const width = () => Math.max(canvas.clientWidth, 240);
    let plot = new uPlot(options(chart, width()), chart.data, canvas);
    new ResizeObserver(() => {
      if (plot.width !== width()) plot.setSize({width: width(), height: HEIGHT});
    }).observe(canvas);
    // The colours of a canvas are fixed when it is drawn.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      plot.destroy();
      plot = new uPlot(options(chart, width()), chart.data, canvas);
    });
  }

  const overview = document.getElementById('overview');
  const latency = chartOfLatency(results);
  if (latency !== null) draw(latency, overview);
  results.forEach((result, index) => {
    const place = document.getElementById(`charts-${index}`);
    for (const chart of chartsOverTime(result)) draw(chart, place);
  });
})();
