import { formatPercent } from '../formatting/numbers.ts';

/** How far something is. */
export function ProgressBar(props: {
  /** What is under way, e.g. the name of the content. */
  label: string;
  /** From 0 to 1; undefined while nobody knows. */
  value: number | undefined;
  tone?: 'accent' | 'ok' | 'neutral';
  /** Instead of the percentage. */
  text?: string;
}) {
  const { label, value, tone = 'accent', text = value === undefined ? 'unknown' : formatPercent(value) } = props;
  const share = Math.min(1, Math.max(0, value ?? 0));
  return (
    <div class="progress">
      <div
        class={`progress-track progress-${tone}${value === undefined ? ' progress-unknown' : ''}`}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={value === undefined ? undefined : Math.floor(share * 100)}
        aria-valuetext={text}
      >
        <div class="progress-fill" style={{ transform: `scaleX(${share})` }} />
      </div>
      <span class="progress-text" aria-hidden="true">
        {text}
      </span>
    </div>
  );
}
