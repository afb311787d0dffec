import { ChevronDown, ChevronRight } from 'lucide-react'
import { useMemo, useState } from 'react'
import { cx } from '#src/parts/class-names.ts'
import { CopyButton } from '#src/parts/copy.tsx'
import { Checkbox, TextField } from '#src/parts/field.tsx'
import { Icon } from '#src/parts/icon.tsx'
import { Tabs } from '#src/parts/tabs.tsx'
import { text as words } from '#src/text.ts'
import styles from './json-view.module.css'
import { type JsonNode, matchesOf, toTree } from './tree.ts'

/** So deep a body is open at first, where no more than so many stand beside each other: a large one is drawn in no time. */
const OPEN_DEPTH = 3
const OPEN_SIBLINGS_MAX = 20
const SHOWN_MAX = 20
/** Above this, a text is not looked through for a tree. */
const TREE_CHARS_MAX = 2_000_000

/**
 * A body, as a tree and raw. All of it is text: nothing in it is ever run or followed.
 * @param note  what to know of it: that it was cut, or is no text
 */
export function JsonView({ text, note }: { text: string; note?: string }) {
  const tree = useMemo(() => (text.length > TREE_CHARS_MAX ? null : toTree(text)), [text])
  const [shown, setShown] = useState<'tree' | 'raw'>('tree')
  const [sought, setSought] = useState('')
  const [isWrapped, setWrapped] = useState(true)
  const matches = useMemo(() => (tree ? matchesOf(tree, sought) : new Set<string>()), [tree, sought])

  if (text === '') return <p className={styles.note}>{words.json.empty}</p>
  return (
    <div className={styles.view}>
      <div className={styles.bar}>
        {tree && (
          <Tabs
            name={words.json.view}
            chosen={shown}
            onChoose={setShown}
            tabs={[
              { id: 'tree', label: words.json.tree },
              { id: 'raw', label: words.json.raw },
            ]}
          />
        )}
        {tree && shown === 'tree' ? (
          <div className={styles.search}>
            <TextField
              label={words.json.search}
              isLabelHidden
              placeholder={words.json.search}
              value={sought}
              onChange={setSought}
            />
            {sought !== '' && <span role="status">{words.json.matches(matches.size)}</span>}
          </div>
        ) : (
          <Checkbox label={words.json.wrap} isChecked={isWrapped} onChange={setWrapped} />
        )}
        <CopyButton value={text} name={words.json.copyAll} />
      </div>
      {note !== undefined && <p className={styles.note}>{note}</p>}
      {!tree && /^\s*<(!doctype html|html)/i.test(text) && <p className={styles.note}>{words.json.html}</p>}
      {tree && shown === 'tree' ? (
        <div className={styles.tree}>
          <Value node={tree} depth={0} siblings={1} matches={matches} />
        </div>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        <pre className={cx(styles.raw, isWrapped && styles.wrapped)} tabIndex={0}>
          {text}
        </pre>
      )}
    </div>
  )
}

type ValueProps = { node: JsonNode; depth: number; siblings: number; matches: ReadonlySet<string> }

function Value({ node, depth, siblings, matches }: ValueProps) {
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH && siblings <= OPEN_SIBLINGS_MAX)
  const [limit, setLimit] = useState(SHOWN_MAX)
  const { children, kind, key, path, written } = node
  const holdsMatch = matches.size > 0 && [...matches].some((match) => match.startsWith(`${path}/`))
  const shows = isOpen || holdsMatch
  const label = (
    <>
      {key !== null && <span className={styles.key}>{key}</span>}
      {key !== null && <span className={styles.colon}>{': '}</span>}
    </>
  )
  const tools = (
    <span className={styles.tools}>
      <CopyButton value={written} name={words.json.copyValue} />
      <CopyButton value={path} name={words.json.copyPath} />
    </span>
  )
  const line = cx(styles.line, matches.has(path) && styles.match)
  if (children.length === 0) {
    return (
      <div className={line}>
        <span className={styles.noToggle} />
        <span className={styles.words}>
          {label}
          <span className={styles[kind]}>{written}</span>
        </span>
        {tools}
      </div>
    )
  }
  return (
    <>
      <div className={line}>
        <button
          type="button"
          className={styles.toggle}
          aria-expanded={shows}
          aria-label={`${key ?? ''} ${shows ? words.json.collapse : words.json.expand}`}
          onClick={() => setOpen(!shows)}
        >
          <Icon of={shows ? ChevronDown : ChevronRight} size={14} />
        </button>
        <span className={styles.words}>
          {label}
          <span className={styles.summary}>
            {kind === 'array' ? words.json.items(children.length) : words.json.members(children.length)}
          </span>
        </span>
        {tools}
      </div>
      {shows && (
        <div className={styles.nest}>
          {children.slice(0, limit).map((child, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a text does not change, and a key may come twice in it
            <Value key={index} node={child} depth={depth + 1} siblings={children.length} matches={matches} />
          ))}
          {children.length > limit && (
            <button type="button" className={styles.more} onClick={() => setLimit(limit + 25 * SHOWN_MAX)}>
              {words.json.rest(children.length - limit)}
            </button>
          )}
        </div>
      )}
    </>
  )
}
