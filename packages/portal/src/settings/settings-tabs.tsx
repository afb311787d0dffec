import { LinkTabs } from '#src/parts/link-tabs.tsx'
import { accountText } from '#src/text-account.ts'

const words = accountText.settings.tabs

export function SettingsTabs({ account, chosen }: { account: string; chosen: keyof typeof words.names }) {
  const params = { account }
  return (
    <LinkTabs
      name={words.name}
      tabs={[
        {
          label: words.names.profile,
          isChosen: chosen === 'profile',
          link: { to: '/a/$account/settings/profile', params },
        },
        {
          label: words.names.notifications,
          isChosen: chosen === 'notifications',
          link: { to: '/a/$account/settings/notifications', params },
        },
        {
          label: words.names.members,
          isChosen: chosen === 'members',
          link: { to: '/a/$account/settings/members', params },
        },
        {
          label: words.names.branding,
          isChosen: chosen === 'branding',
          link: { to: '/a/$account/settings/branding', params },
        },
      ]}
    />
  )
}
