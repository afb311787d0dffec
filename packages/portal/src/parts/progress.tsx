import styles from './progress.module.css'

/** How far something is, as a bar and in words. */
export function Progress({ label, value, max, words }: { label: string; value: number; max: number; words: string }) {
  return (
    <div className={styles.progress}>
      <progress aria-label={label} value={value} max={Math.max(1, max)} />
      <span>{words}</span>
    </div>
  )
}
