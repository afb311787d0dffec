import styles from './listing.module.css'
import { Above, type Column } from './listing.tsx'

/**
 * The first column of a list of which several rows can be chosen.
 * @param nameOf  what the box is called where it is read out
 * @param mayChoose  false: the row has no box
 */
export function choiceColumn<Row>(parts: {
  chosen: ReadonlySet<string>
  choose: (chosen: ReadonlySet<string>) => void
  keyOf: (row: Row) => string
  nameOf: (row: Row) => string
  mayChoose?: (row: Row) => boolean
}): Column<Row> {
  const { chosen, choose, keyOf, nameOf, mayChoose = () => true } = parts
  function toggle(key: string) {
    const next = new Set(chosen)
    if (!next.delete(key)) next.add(key)
    choose(next)
  }
  return {
    key: 'chosen',
    head: '',
    isPlain: true,
    cell: (row) =>
      mayChoose(row) && (
        <RowChoice
          name={nameOf(row)}
          of={keyOf(row)}
          isChosen={chosen.has(keyOf(row))}
          onToggle={() => toggle(keyOf(row))}
        />
      ),
  }
}

/** The box that chooses a row. @param of  the row's key, by which it is found from the row */
export function RowChoice({
  name,
  of,
  isChosen,
  onToggle,
}: {
  name: string
  of: string
  isChosen: boolean
  onToggle: () => void
}) {
  return (
    <Above>
      <label className={styles.pick}>
        <input type="checkbox" data-pick={of} aria-label={name} checked={isChosen} onChange={onToggle} />
      </label>
    </Above>
  )
}
