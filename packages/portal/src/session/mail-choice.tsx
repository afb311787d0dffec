import { type ReactNode, useState } from 'react'
import { Checkbox } from '#src/parts/field.tsx'
import { accountText } from '#src/text-account.ts'
import { useSession } from './account.ts'

const words = accountText.members

/** Whether a login link is mailed too: where this service sends mail, to a person who is called by a mail address. */
export function useMailChoice(person: string): { wish: { mail?: true }; box: ReactNode } {
  const session = useSession()
  const [isOn, setOn] = useState(false)
  if (!session?.sendsMail) return { wish: {}, box: null }
  const isAddress = /^\S+@\S+$/.test(person.trim())
  return {
    wish: isOn && isAddress ? { mail: true } : {},
    box: (
      <Checkbox
        label={words.mail}
        isChecked={isOn && isAddress}
        onChange={setOn}
        whyOff={isAddress ? undefined : words.mailWhy}
      />
    ),
  }
}
