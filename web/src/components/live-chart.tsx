import { useEffect, useId, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { themeChanges } from '../theme.ts';

export interface ChartSeries {
  readonly label: string;
  /** 1 to 5, a colour of the charts. */
  readonly colour: 1 | 2 | 3 | 4 | 5;
  /** Filled down to zero. */
  readonly area?: boolean;
  /** Dashed, so that it can be told from the others without colour. */
  readonly dashed?: boolean;
}

export interface LiveChartProps {
  readonly title: string;
  readonly series: readonly ChartSeries[];
  /** Unix time in seconds, then one row of values a series; null where nothing was measured. */
  readonly data: readonly [readonly number[], ...(readonly (number | null)[])[]];
  /** How a value is shown, at the axis and in the legend. */
  readonly format: (value: number) => string;
  /** Seconds shown at most, up to the newest value; by default all. */
  readonly spanSeconds?: number;
  /** Bytes: the axis has multiples of powers of two. */
  readonly binary?: boolean;
  readonly height?: number;
}

/**
 * Lines over time, which grow to the right. The legend has the newest values (or those under the pointer); those who cannot
 * see the lines are told the newest, lowest and highest.
 */
export function LiveChart(props: LiveChartProps) {
  const { title, series, data, format, spanSeconds = Number.POSITIVE_INFINITY, binary = false, height = 168 } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const values = useRef<(HTMLElement | null)[]>([]);
  const heading = useId();
  const theme = themeChanges.value;
  const latest = useRef(data);
  latest.current = data;

  const showValues = (plot: uPlot | undefined) => {
    const [times] = latest.current;
    const index = plot?.cursor.idx ?? times.length - 1;
    series.forEach((_, i) => {
      const value = latest.current[i + 1]?.[index];
      const place = values.current[i];
      if (place) place.textContent = value == null ? '–' : format(value);
    });
  };

  // A new one where what it is made of changes: not with each value.
  const shape = JSON.stringify([series, spanSeconds, height, theme]);
  useEffect(() => {
    const element = place.current!;
    const plot = new uPlot(
      optionsOf({ element, series, format, height, spanSeconds, binary, onCursor: showValues }),
      toAligned(latest.current),
      element,
    );
    chart.current = plot;
    const resized = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.destroy();
      chart.current = undefined;
    };
  }, [shape]);

  useEffect(() => {
    chart.current?.setData(toAligned(data));
    showValues(chart.current);
  });

  return (
    <figure class="chart" aria-labelledby={heading}>
      <figcaption class="chart-caption">
        <h3 id={heading}>{title}</h3>
        <ul class="chart-legend" aria-hidden="true">
          {series.map(({ label, colour, dashed }, i) => (
            <li key={label} class={`chart-series chart-colour-${colour}${dashed ? ' chart-dashed' : ''}`}>
              <span class="chart-key" />
              {label}
              <b
                ref={(element) => {
                  values.current[i] = element;
                }}
              />
            </li>
          ))}
        </ul>
      </figcaption>
      <div
        ref={place}
        class="chart-plot"
        role="img"
        aria-label={describe(title, series, data, format)}
        style={{ height: `${height}px` }}
      />
    </figure>
  );
}

/** The chart in words. */
function describe(
  title: string,
  series: readonly ChartSeries[],
  data: LiveChartProps['data'],
  format: (value: number) => string,
): string {
  const lines = series.map(({ label }, i) => {
    const values: readonly (number | null)[] = data[i + 1] ?? [];
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return `${label}: nothing measured`;
    const lowest = known.reduce((a, b) => Math.min(a, b));
    const highest = known.reduce((a, b) => Math.max(a, b));
    return `${label}: now ${format(known.at(-1)!)}, between ${format(lowest)} and ${format(highest)}`;
  });
  return `${title}. ${lines.join('. ')}`;
}

function toAligned(data: LiveChartProps['data']): uPlot.AlignedData {
  return data as unknown as uPlot.AlignedData;
}

function optionsOf(options: {
  element: HTMLElement;
  series: readonly ChartSeries[];
  format: (value: number) => string;
  height: number;
  spanSeconds: number;
  binary: boolean;
  onCursor: (plot: uPlot) => void;
}): uPlot.Options {
  const { element, series, format, height, spanSeconds, binary, onCursor } = options;
  const colour = colourReader(element);
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  const axis: uPlot.Axis = {
    stroke: colour('--text-faint'),
    font,
    grid: { stroke: colour('--chart-grid'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(1, element.clientWidth),
    height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { range: (_plot, min, max) => timeRange(min, max, spanSeconds) },
      // From zero, and never flat.
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      { ...axis, space: 48, size: 24, incrs: TIME_STEPS, values: (_plot, splits) => splits.map(formatClock) },
      {
        ...axis,
        space: 36,
        size: 58,
        gap: 6,
        values: (_plot, splits) => splits.map(format),
        ...(binary && { incrs: BINARY_STEPS }),
      },
    ],
    series: [
      {},
      ...series.map(({ label, colour: number, area, dashed }): uPlot.Series => {
        const stroke = colour(`--chart-${number}`);
        return {
          label,
          stroke,
          width: 1.5,
          points: { show: false },
          ...(area && { fill: colour(`--chart-${number}`, 0.14) }),
          ...(dashed && { dash: [5, 4] }),
        };
      }),
    ],
    hooks: { setCursor: [onCursor] },
  };
}

/** A chart that has just begun is not drawn wider than that. */
const LEAST_SECONDS = 60;
/** Seconds between the marks of time: whole minutes. */
const TIME_STEPS = [60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];
const BINARY_STEPS = Array.from({ length: 53 }, (_, power) => 2 ** power);

/** Without values uPlot knows no ends. */
function timeRange(first: number | null, last: number | null, spanSeconds: number): [number, number] {
  const end = last ?? Date.now() / 1_000;
  return [Math.max(Math.min(first ?? end, end - LEAST_SECONDS), end - spanSeconds), end];
}

/** Colours as the canvas wants them: light-dark() and mixes are worked out by the browser. */
function colourReader(element: HTMLElement): (property: string, opacity?: number) => string {
  const probe = document.createElement('span');
  return (property, opacity = 1) => {
    probe.style.color = `color-mix(in srgb, var(${property}) ${opacity * 100}%, transparent)`;
    element.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

function formatClock(seconds: number): string {
  return CLOCK.format(seconds * 1_000);
}
