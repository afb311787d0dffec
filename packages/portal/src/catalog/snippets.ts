import node from '../../../../docs/snippets/verify/node.mjs?raw'
import csharp from '../../../../docs/snippets/verify/Verify.cs?raw'
import go from '../../../../docs/snippets/verify/verify.go?raw'
import php from '../../../../docs/snippets/verify/verify.php?raw'
import python from '../../../../docs/snippets/verify/verify.py?raw'
import ruby from '../../../../docs/snippets/verify/verify.rb?raw'
import shell from '../../../../docs/snippets/verify/verify.sh?raw'
import java from '../../../../docs/snippets/verify/Webhooks.java?raw'
import { regionOf } from './region.ts'

/** How to verify a webhook, in the languages of the guides, and from their files: those are run by the checks. */
export const SNIPPETS = [
  { language: 'Node', code: regionOf(node) },
  { language: 'Python', code: regionOf(python) },
  { language: 'Go', code: regionOf(go) },
  { language: 'Java', code: regionOf(java) },
  { language: 'C#', code: regionOf(csharp) },
  { language: 'Ruby', code: regionOf(ruby) },
  { language: 'PHP', code: regionOf(php) },
  { language: 'Shell', code: regionOf(shell) },
] as const
