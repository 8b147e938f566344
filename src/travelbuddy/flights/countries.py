"""English names of countries and of the states people write behind a city's name; data only."""

from __future__ import annotations

COUNTRIES = """
AD Andorra|AE United Arab Emirates|AF Afghanistan|AG Antigua and Barbuda|AI Anguilla|AL Albania|AM Armenia
AO Angola|AQ Antarctica|AR Argentina|AS American Samoa|AT Austria|AU Australia|AW Aruba|AZ Azerbaijan
BA Bosnia and Herzegovina|BB Barbados|BD Bangladesh|BE Belgium|BF Burkina Faso|BG Bulgaria|BH Bahrain
BI Burundi|BJ Benin|BL Saint Barthelemy|BM Bermuda|BN Brunei|BO Bolivia|BQ Caribbean Netherlands|BR Brazil
BS Bahamas|BT Bhutan|BW Botswana|BY Belarus|BZ Belize|CA Canada|CC Cocos Islands|CD DR Congo
CF Central African Republic|CG Congo|CH Switzerland|CI Ivory Coast|CK Cook Islands|CL Chile|CM Cameroon
CN China|CO Colombia|CR Costa Rica|CU Cuba|CV Cape Verde|CW Curacao|CX Christmas Island|CY Cyprus|CZ Czechia
DE Germany|DJ Djibouti|DK Denmark|DM Dominica|DO Dominican Republic|DZ Algeria|EC Ecuador|EE Estonia
EG Egypt|EH Western Sahara|ER Eritrea|ES Spain|ET Ethiopia|FI Finland|FJ Fiji|FK Falkland Islands
FM Micronesia|FO Faroe Islands|FR France|GA Gabon|GB United Kingdom|GD Grenada|GE Georgia|GF French Guiana
GG Guernsey|GH Ghana|GI Gibraltar|GL Greenland|GM Gambia|GN Guinea|GP Guadeloupe|GQ Equatorial Guinea
GR Greece|GT Guatemala|GU Guam|GW Guinea-Bissau|GY Guyana|HK Hong Kong|HN Honduras|HR Croatia|HT Haiti
HU Hungary|ID Indonesia|IE Ireland|IL Israel|IM Isle of Man|IN India|IO British Indian Ocean Territory
IQ Iraq|IR Iran|IS Iceland|IT Italy|JE Jersey|JM Jamaica|JO Jordan|JP Japan|KE Kenya|KG Kyrgyzstan
KH Cambodia|KI Kiribati|KM Comoros|KN Saint Kitts and Nevis|KP North Korea|KR South Korea|KW Kuwait
KY Cayman Islands|KZ Kazakhstan|LA Laos|LB Lebanon|LC Saint Lucia|LK Sri Lanka|LR Liberia|LS Lesotho
LT Lithuania|LU Luxembourg|LV Latvia|LY Libya|MA Morocco|MD Moldova|ME Montenegro|MF Saint Martin
MG Madagascar|MH Marshall Islands|MK North Macedonia|ML Mali|MM Myanmar|MN Mongolia|MO Macau
MP Northern Mariana Islands|MQ Martinique|MR Mauritania|MS Montserrat|MT Malta|MU Mauritius|MV Maldives
MW Malawi|MX Mexico|MY Malaysia|MZ Mozambique|NA Namibia|NC New Caledonia|NE Niger|NF Norfolk Island
NG Nigeria|NI Nicaragua|NL Netherlands|NO Norway|NP Nepal|NR Nauru|NU Niue|NZ New Zealand|OM Oman|PA Panama
PE Peru|PF French Polynesia|PG Papua New Guinea|PH Philippines|PK Pakistan|PL Poland
PM Saint Pierre and Miquelon|PR Puerto Rico|PT Portugal|PW Palau|PY Paraguay|QA Qatar|RE Reunion|RO Romania
RS Serbia|RU Russia|RW Rwanda|SA Saudi Arabia|SB Solomon Islands|SC Seychelles|SD Sudan|SE Sweden
SG Singapore|SH Saint Helena|SI Slovenia|SJ Svalbard|SK Slovakia|SL Sierra Leone|SN Senegal|SO Somalia
SR Suriname|SS South Sudan|ST Sao Tome and Principe|SV El Salvador|SX Sint Maarten|SY Syria|SZ Eswatini
TC Turks and Caicos|TD Chad|TG Togo|TH Thailand|TJ Tajikistan|TL Timor-Leste|TM Turkmenistan|TN Tunisia
TO Tonga|TR Turkey|TT Trinidad and Tobago|TV Tuvalu|TW Taiwan|TZ Tanzania|UA Ukraine|UG Uganda
UM US Minor Outlying Islands|US United States|UY Uruguay|UZ Uzbekistan|VC Saint Vincent and the Grenadines
VE Venezuela|VG British Virgin Islands|VI US Virgin Islands|VN Vietnam|VU Vanuatu|WF Wallis and Futuna
WS Samoa|XK Kosovo|YE Yemen|YT Mayotte|ZA South Africa|ZM Zambia|ZW Zimbabwe
"""

COUNTRY_ALIASES = """
US usa|US united states of america|US america|US u s a|US u s|GB uk|GB great britain|GB britain|AE uae
AE emirates|NL holland|NL the netherlands|CZ czech republic|KR korea|TR turkiye|CI cote d ivoire
CD democratic republic of the congo|MM burma|SZ swaziland|MK macedonia|VN viet nam|BS the bahamas
PH the philippines|MV the maldives|RU russian federation|DE deutschland|ES espana|IT italia|NO norge
SE sverige|DK danmark|FI suomi|PL polska|BR brasil|AT osterreich|CH schweiz|CH suisse|JP nippon
IE republic of ireland
"""

# Country, abbreviation, the name in the airports table.
STATES = """
US AL Alabama|US AK Alaska|US AZ Arizona|US AR Arkansas|US CA California|US CO Colorado|US CT Connecticut
US DE Delaware|US DC District of Columbia|US FL Florida|US GA Georgia|US HI Hawaii|US ID Idaho
US IL Illinois|US IN Indiana|US IA Iowa|US KS Kansas|US KY Kentucky|US LA Louisiana|US ME Maine
US MD Maryland|US MA Massachusetts|US MI Michigan|US MN Minnesota|US MS Mississippi|US MO Missouri
US MT Montana|US NE Nebraska|US NV Nevada|US NH New Hampshire|US NJ New Jersey|US NM New Mexico
US NY New York|US NC North Carolina|US ND North Dakota|US OH Ohio|US OK Oklahoma|US OR Oregon
US PA Pennsylvania|US RI Rhode Island|US SC South Carolina|US SD South Dakota|US TN Tennessee|US TX Texas
US UT Utah|US VT Vermont|US VA Virginia|US WA Washington|US WV West Virginia|US WI Wisconsin|US WY Wyoming
CA AB Alberta|CA BC British Columbia|CA MB Manitoba|CA NB New Brunswick|CA NL Newfoundland and Labrador
CA NS Nova Scotia|CA NT Northwest Territories|CA NU Nunavut|CA ON Ontario|CA PE Prince Edward Island
CA QC Quebec|CA SK Saskatchewan|CA YT Yukon|AU NSW New South Wales|AU NT Northern Territory
AU QLD Queensland|AU SA South Australia|AU TAS Tasmania|AU VIC Victoria|AU WA Western Australia
AU ACT Australian Capital Territory
"""
