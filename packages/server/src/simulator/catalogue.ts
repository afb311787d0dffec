import type { AgentType } from '../updates/feed/feed.ts'
import type { LoaCategory } from '../updates/feed/normalise-loa.ts'

/** Made-up names; a few need more than ASCII, or an escape in XML. */
export const FIRST_NAMES = [
  'Joe',
  'Maria',
  'Ann',
  'Peter',
  'José',
  'Zoë',
  'Carol',
  'Dwayne',
  'Inès',
  'Ruth',
  'Omar',
  'Lee',
]
export const LAST_NAMES = [
  'Producer',
  'Muñoz',
  "O'Brien",
  'Smith',
  'Nguyen',
  'Müller',
  'Garcia',
  'Johnson',
  'Baker',
  'Åkesson',
  'Okafor',
  'Lindqvist',
]
/** Not in ISO-8859-1. */
export const WIDE_LAST_NAMES = ['Łukasiewicz', 'Dvořák', '中村']
export const SUFFIXES = ['Jr', 'Sr', 'II', 'III']
export const FIRM_NAMES = [
  'Summit',
  'Lakeside',
  'Smith & Sons',
  'First <Choice>',
  'Blue "Ridge"',
  'Prairie',
  'Harbor',
  'Evergreen',
]
export const FIRM_ENDINGS = ['Insurance Agency', 'Brokers LLC', 'Benefits & Risk Inc', 'Group']
export const STREETS = [
  'S Washington Ave',
  'Main St',
  'Elm St',
  'County Road 12',
  'Peachtree St NE',
  'Broadway',
  'Oak Ln',
]
export const CITIES = [
  'Denver',
  'Springfield',
  'Riverside',
  'Franklin',
  'Greenville',
  'Salem',
  'Cañon City',
  'Georgetown',
]

export const STATES = [
  'AK',
  'AL',
  'AR',
  'AZ',
  'CA',
  'CO',
  'CT',
  'DE',
  'FL',
  'GA',
  'HI',
  'IA',
  'ID',
  'IL',
  'IN',
  'KS',
  'KY',
  'LA',
  'MA',
  'MD',
  'ME',
  'MI',
  'MN',
  'MO',
  'MS',
  'MT',
  'NC',
  'ND',
  'NE',
  'NH',
  'NJ',
  'NM',
  'NV',
  'NY',
  'OH',
  'OK',
  'OR',
  'PA',
  'RI',
  'SC',
  'SD',
  'TN',
  'TX',
  'UT',
  'VA',
  'VT',
  'WA',
  'WI',
  'WV',
  'WY',
] as const
/** Where many have licenses; a bulk expiry takes place in one of these. The firm that never changes has none there. */
export const LARGE_STATES = ['CA', 'FL', 'GA', 'IL', 'NC', 'NY', 'OH', 'PA', 'TX'] as const

export const LICENSE_CLASSES: readonly { name: string; code: string; agentTypes: AgentType[] }[] = [
  { name: 'Insurance Producer', code: '3', agentTypes: ['Producer'] },
  { name: 'Resident Producer', code: '2', agentTypes: ['Producer'] },
  { name: 'Independent Adjuster', code: '40', agentTypes: ['Adjuster'] },
  { name: 'Life & Health Agent', code: '7', agentTypes: ['Producer'] },
  { name: 'Insurance Consultant', code: '55', agentTypes: ['Consultant'] },
  { name: 'Surplus Lines Broker', code: '61', agentTypes: ['Producer'] },
  { name: 'Motor Club Representative', code: '77', agentTypes: [] },
]

/** Lines of authority with their categories: written down here, so that it is not the reader that says what it should read. */
export const LINES: readonly { code: string; name: string; categories: LoaCategory[] }[] = [
  { code: '12', name: 'Property', categories: ['property'] },
  { code: '11', name: 'Casualty', categories: ['casualty'] },
  { code: '16', name: 'Life', categories: ['life'] },
  { code: '17', name: 'Accident & Health or Sickness', categories: ['health'] },
  { code: '20', name: 'Variable Life and Variable Annuity', categories: ['life', 'variable'] },
  { code: '19', name: 'Personal Lines', categories: ['personal'] },
  { code: '925', name: 'Credit', categories: ['credit'] },
  { code: '930', name: 'Surety', categories: ['surety'] },
  { code: '27', name: 'Travel', categories: ['travel'] },
  { code: '928', name: 'Crop', categories: ['crop'] },
  { code: '21', name: 'Title', categories: ['title'] },
  { code: '931', name: 'Surplus Lines', categories: ['surplus_lines'] },
  { code: 'X9', name: 'Motor Club', categories: ['other'] },
]

const COMPANY_NAMES = [
  'Example',
  'Keystone',
  'Pioneer',
  'Great Plains',
  'Liberty Bell',
  'Union & Trust',
  'Cascade',
  'Atlantic',
]
const COMPANY_ENDINGS = ['Mutual', 'Life Insurance Co', 'Casualty Co', 'Assurance', 'Health Plan']

/** 40 companies; the numbers of some start with zeros, which reports leave out at times. */
export const COMPANIES = COMPANY_NAMES.flatMap((name, i) =>
  COMPANY_ENDINGS.map((ending, j) => ({
    name: `${name} ${ending}`,
    coCode: String(24_740 + i * 911 + j * 37 - (j === 4 ? 24_000 : 0)).padStart(5, '0'),
    feinId: String(840_000_001 + i * 1_000 + j),
  })),
)

export const AGENCIES = ['Insurance Department', 'Securities Division', 'Attorney General']
export const REASONS = [
  'Cease And Desist',
  'Failure to Pay Child Support',
  'Misappropriation & Conversion',
  'Unfair Trade Practice',
]
export const DISPOSITIONS = ['Consent Order', 'Suspended', 'Revoked', 'Reprimand']
export const TERMINATIONS = ['Not for Cause', 'Cancelled by Company', 'Voluntary']
