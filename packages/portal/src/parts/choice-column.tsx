import layout from '#src/look/layout.module.css'
import { Checkbox } from './field.tsx'
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
        <Above>
          <Checkbox
            label={<span className={layout.hidden}>{nameOf(row)}</span>}
            isChecked={chosen.has(keyOf(row))}
            onChange={() => toggle(keyOf(row))}
          />
        </Above>
      ),
  }
}
