import type { EventType } from '@producersync/server/contract'
import { useEventTypes } from '#src/catalog/event-types.tsx'
import { Checkbox, FieldSet, Radios } from '#src/parts/field.tsx'
import { Part } from '#src/parts/notice.tsx'
import { endpointText } from '#src/text-endpoints.ts'
import styles from './endpoint-form.module.css'

const words = endpointText.endpointForm.types
/** Goes only to endpoints that name it. */
const ONLY_WHEN_CHOSEN: readonly string[] = ['producersync.npn.data_ready']

/** Chooses event types: all, whole groups, or single ones. Nothing chosen is not all. */
export function TypePicker({
  account,
  scope,
  types,
  error,
  onChange,
}: {
  account: string
  scope: 'all' | 'chosen' | null
  types: readonly string[]
  error: string | undefined
  onChange: (change: { scope: 'all' | 'chosen'; types: readonly string[] }) => void
}) {
  const view = useEventTypes(account)
  return (
    <>
      <Radios
        label={words.label}
        error={error}
        value={scope}
        onChange={(scope) => onChange({ scope, types })}
        options={[
          { value: 'all', label: words.all, hint: words.allHint },
          { value: 'chosen', label: words.chosen, hint: words.chosenHint },
        ]}
      />
      {scope === 'chosen' && (
        <div className={styles.tree}>
          <Part of={view} rows={3}>
            {({ data }) =>
              groupsOf(data).map(({ group, members }) => (
                <Group
                  key={group}
                  group={group}
                  members={members}
                  types={types}
                  onChange={(types) => onChange({ scope: 'chosen', types })}
                />
              ))
            }
          </Part>
        </div>
      )}
    </>
  )
}

function Group({
  group,
  members,
  types,
  onChange,
}: {
  group: string
  members: readonly EventType[]
  types: readonly string[]
  onChange: (types: readonly string[]) => void
}) {
  const isWhole = types.includes(group)
  const toggle = (name: string, isOn: boolean) =>
    onChange(isOn ? [...types, name] : types.filter((type) => type !== name))
  return (
    <FieldSet label={group === '' ? words.others : group}>
      {group !== '' && (
        <Checkbox
          label={words.wholeGroup(group)}
          isChecked={isWhole}
          isMixed={!isWhole && members.some(({ name }) => types.includes(name))}
          onChange={(isOn) =>
            onChange([
              ...types.filter((type) => type !== group && (!isOn || isExtra(type) || !isMember(members, type))),
              ...(isOn ? [group] : []),
            ])
          }
        />
      )}
      <div className={styles.members}>
        {members.map(({ name, description }) => {
          const isIncluded = isWhole && !isExtra(name)
          return (
            <Checkbox
              key={name}
              label={<code>{name}</code>}
              hint={isExtra(name) ? `${words.onlyWhenChosen} ${description}` : description}
              isChecked={isIncluded || types.includes(name)}
              whyOff={isIncluded ? words.inGroup(group) : undefined}
              onChange={(isOn) => toggle(name, isOn)}
            />
          )
        })}
      </div>
    </FieldSet>
  )
}

function isExtra(name: string): boolean {
  return ONLY_WHEN_CHOSEN.includes(name)
}

function isMember(members: readonly EventType[], type: string): boolean {
  return members.some(({ name }) => name === type)
}

/** By group; those without one last. */
function groupsOf(types: readonly EventType[]): { group: string; members: EventType[] }[] {
  const groups = new Map<string, EventType[]>()
  for (const type of types) {
    if (type.archived) continue
    const group = type.groupName ?? ''
    groups.set(group, [...(groups.get(group) ?? []), type])
  }
  return [...groups]
    .map(([group, members]) => ({ group, members }))
    .sort((a, b) => Number(a.group === '') - Number(b.group === ''))
}
