import Type from 'typebox'
import { momentText, nullable, oneOf, patternText, plainText } from '#src/adapters/http/schema.ts'

/** What a logo may be; SVG can hold scripts. Source: portal 11. */
export const LOGO_TYPES = ['image/png', 'image/webp'] as const
export const LOGO_BYTES_MAX = 100_000
/** Base64 of so many bytes. */
const LOGO_TEXT_MAX = Math.ceil(LOGO_BYTES_MAX / 3) * 4

const accent = patternText(/^#[0-9a-fA-F]{6}$/, '# and six hexadecimal digits')
const radius = Type.Integer({ minimum: 0, maximum: 16, description: 'Of corners, CSS pixels.' })

/** How the portal of an account looks; null: as it comes. */
const BrandingOut = Type.Object(
  {
    name: nullable(Type.String()),
    accent: nullable(accent),
    radius: nullable(radius),
    hasLogo: Type.Boolean({ description: '`GET A/settings/logo` has it.' }),
  },
  { title: 'PortalBranding' },
)

const shades = (title: string) =>
  Type.Object(
    {
      accent: Type.String({ description: '`#rrggbb`, at least 4.5 to 1 on every ground of this theme.' }),
      onAccent: Type.String({ description: 'What is written on the accent.' }),
      accentSoft: Type.String({ description: 'The ground of what is chosen.' }),
    },
    { title },
  )

/** What is shown: what the account has set, else what the operator has set for the environment. */
export const PortalLookOut = Type.Object(
  {
    name: nullable(Type.String()),
    radius: nullable(radius),
    hasLogo: Type.Boolean(),
    colours: nullable(Type.Object({ light: shades('ShadesInLight'), dark: shades('ShadesInDark') })),
  },
  {
    title: 'PortalLook',
    description:
      'The lightness of the accent is moved until it can be read in both themes; colours that mean a state stay.',
  },
)

/** `GET A/settings` (ViewBase), `PATCH A/settings` (ManageAccount). */
export const AccountSettingsOut = Type.Object(
  {
    timeZone: nullable(Type.String({ description: 'An IANA name; null: that of each reader’s browser.' })),
    branding: BrandingOut,
    look: PortalLookOut,
    updatedAt: nullable(momentText()),
  },
  { title: 'AccountSettingsOut' },
)

const brandingPatch = {
  name: Type.Optional(nullable(plainText(64, 1))),
  accent: Type.Optional(nullable(accent)),
  radius: Type.Optional(nullable(radius)),
}

/** What is absent stays, null goes back to what it comes with. */
export const AccountSettingsPatch = Type.Object(
  {
    timeZone: Type.Optional(nullable(plainText(64, 1))),
    ...brandingPatch,
  },
  { title: 'AccountSettingsPatch' },
)

/** `GET /env/look` (staff), `PATCH /env/look` (operator): of all accounts that set nothing themselves. */
export const EnvLookOut = Type.Object(
  { branding: BrandingOut, look: PortalLookOut, updatedAt: nullable(momentText()) },
  { title: 'EnvLook' },
)
export const EnvLookPatch = Type.Object(brandingPatch, { title: 'EnvLookPatch' })

/** `GET A/settings/logo`, exactly as it was put: `data:${contentType};base64,${data}` is an image's source. */
export const LogoOut = Type.Object(
  { contentType: oneOf(LOGO_TYPES), data: Type.String({ description: 'Base64.' }) },
  { title: 'LogoOut' },
)
/** `PUT A/settings/logo`. */
export const LogoIn = Type.Object(
  {
    contentType: oneOf(LOGO_TYPES),
    data: Type.String({ minLength: 1, maxLength: LOGO_TEXT_MAX, description: 'Base64 of at most 100,000 bytes.' }),
  },
  { title: 'LogoIn' },
)
