import { createScanner, findNodeAtLocation, type Node, type ParseError, parseTree, type SyntaxKind } from 'jsonc-parser'

/** A value of a JSON text, as it is written there: `1.0` stays `1.0`, and keys stay in order. */
export type JsonNode = {
  /** JSON Pointer (RFC 6901). */
  path: string
  /** Of a member its key, of an item its index, of the whole null. */
  key: string | null
  kind: 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null'
  /** The text of a value, the whole text of an object or array. */
  written: string
  children: readonly JsonNode[]
}

const KINDS = ['object', 'array', 'string', 'number', 'boolean', 'null'] as const

/** @returns null for what is not JSON */
export function toTree(text: string): JsonNode | null {
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false })
  return root && errors.length === 0 ? toNode(root, '', null, text) : null
}

/**
 * The line, from 1, of what a place in a JSON text holds; where it is not there, of the nearest that is around it.
 * @param place  names of members and indexes, from the whole on
 */
export function lineOf(text: string, place: readonly string[]): number {
  const root = parseTree(text)
  if (!root) return 1
  const steps = place.map((step) => (/^[0-9]+$/.test(step) ? [step, Number(step)] : [step]))
  let node = root
  for (const names of steps) {
    const next = names.map((name) => findNodeAtLocation(node, [name])).find((found) => found !== undefined)
    if (!next) break
    node = next
  }
  return text.slice(0, node.offset).split('\n').length
}

/** Its children are made when they are asked for: of a large body few are ever seen. */
function toNode(node: Node, path: string, key: string | null, text: string): JsonNode {
  const kind = KINDS.find((kind) => kind === node.type) ?? 'null'
  let children: JsonNode[] | undefined
  return {
    path,
    key,
    kind,
    get written() {
      return text.slice(node.offset, node.offset + node.length)
    },
    get children() {
      children ??= childrenOf(node, path, text)
      return children
    },
  }
}

function childrenOf(node: Node, path: string, text: string): JsonNode[] {
  return (node.children ?? []).flatMap((child, index) => {
    if (node.type === 'array') return [toNode(child, `${path}/${index}`, String(index), text)]
    const [name, value] = child.children ?? []
    if (!name || !value) return []
    const member = String(name.value)
    return [toNode(value, `${path}/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`, member, text)]
  })
}

/** Paths of the nodes whose key or value holds the words, whatever their case. */
export function matchesOf(node: JsonNode, words: string): Set<string> {
  const found = new Set<string>()
  const wanted = words.trim().toLowerCase()
  if (wanted === '') return found
  const visit = (one: JsonNode): void => {
    const isHere =
      one.key?.toLowerCase().includes(wanted) ||
      (one.children.length === 0 && one.written.toLowerCase().includes(wanted))
    if (isHere) found.add(one.path)
    for (const child of one.children) visit(child)
  }
  visit(node)
  return found
}

/** Bytes as text, where they are UTF-8; else in hexadecimal, 16 to a line. */
export function toText(bytes: Uint8Array): { text: string; isText: boolean } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), isText: true }
  } catch {
    const lines: string[] = []
    for (let at = 0; at < bytes.length; at += 16) {
      lines.push([...bytes.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, '0')).join(' '))
    }
    return { text: lines.join('\n'), isText: false }
  }
}

/** `SyntaxKind` of jsonc-parser, whose enumeration its package has for the compiler alone. */
const TOKEN = {
  open: 1,
  close: 2,
  openList: 3,
  closeList: 4,
  comma: 5,
  colon: 6,
  text: 10,
  end: 17,
} as const satisfies Record<string, SyntaxKind>

/** The text of one member of a JSON object, exactly as it stands there: without a tree of what may be large. */
export function memberText(text: string, key: string): string | undefined {
  const scanner = createScanner(text, true)
  let depth = 0
  let name: string | undefined
  let isNext = false
  let start: number | undefined
  let end = 0
  for (let kind: number = scanner.scan(); kind !== TOKEN.end; kind = scanner.scan()) {
    if (isNext) start ??= scanner.getTokenOffset()
    if (kind === TOKEN.close || kind === TOKEN.closeList) depth -= 1
    const isBetween = depth === 0 || (depth === 1 && kind === TOKEN.comma)
    if (start !== undefined && isBetween) return text.slice(start, end)
    if (kind === TOKEN.open || kind === TOKEN.openList) depth += 1
    if (depth === 1 && kind === TOKEN.colon) isNext ||= name === key
    if (depth === 1 && kind === TOKEN.text) name = scanner.getTokenValue()
    end = scanner.getTokenOffset() + scanner.getTokenLength()
  }
  return undefined
}
