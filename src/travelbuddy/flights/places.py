"""How much traffic an airport has, what serves a metropolitan area, and other names of cities; data only.

The airports table says where an airport is but not how big it is, so importance is ours: 4 for the world's
hubs, 3 for large, 2 for middle-sized and 1 for small airports with airline service; 0 when not listed.
"""

from __future__ import annotations

RANKED = {
    4: """
ATL LAX ORD DFW JFK DEN SFO MIA SEA IAH EWR YYZ YVR MEX GRU BOG LIM SCL EZE LHR CDG AMS FRA MUC MAD BCN FCO
IST ZRH DXB DOH JNB ADD NBO CAI SIN HKG BKK KUL CGK NRT HND ICN PEK PVG CAN TPE DEL BOM SYD AKL MNL""",
    3: """
LGW MAN DUB EDI ORY CPH ARN OSL HEL VIE BRU DUS BER HAM GVA LIS OPO MXP PMI AGP ATH PRG WAW BUD OTP SVO LED
SAW AYT TLV AUH JED RUH KWI BAH MCT AMM BEY CMN ALG TUN LOS ACC CPT MRU BOS PHL IAD DCA LGA CLT MCO TPA FLL
MSP DTW SLC PHX LAS SAN PDX YUL YYC CUN GDL PTY SJU HAV GIG BSB CNF SSA UIO CCS MVD HNL ANC KIX NGO FUK CTS
GMP PUS SZX CTU KMG XIY CKG SHA PKX HGH DMK HKT DPS SUB SGN HAN KTI RGN DAC CMB BLR MAA HYD CCU KTM ISB KHI
LHE TAS ALA MEL BNE PER NAN PPT KEF STN NCE BWI MDW AEP DAR EBB KBP DME VKO""",
    2: """
LTN LCY BHX GLA BRS NCL BFS ORK SNN NTE LYS MRS TLS BOD BVA EIN RTM CRL LUX BSL STR CGN HAJ NUE LEJ SZG INN
GRZ BLQ VCE NAP LIN BGY CIA CTA PMO BRI VRN TRN PSA FLR VLC SVQ BIO ALC IBZ LPA TFS TFN ACE FUE FAO FNC PDL
GOT MMX BLL AAL BGO TRD SVG TRF BMA TMP RVN TLL RIX VNO GDN KRK WRO KTW POZ SOF VAR BEG ZAG SPU DBV LJU SKP
TIA TGD PRN SJJ SKG HER RHO CFU JMK JTR LCA PFO MLA ESB ADB DLM BJV EVN TBS GYD SHJ DWC IKA THR BGW RAK AGA
FEZ TNG DJE ABJ DKR DSS ABV KGL LUN HRE VFA WDH GBE MPM DUR TNR RUN SEZ ZNZ MBA LLW DLA FIH LAD HRG SSH STL
MCI BNA AUS SAT DAL HOU MSY MEM CLE CMH CVG IND PIT RDU RIC JAX RSW PBI SMF SJC OAK SNA ONT BUR RNO ABQ TUS
ELP OKC TUL OMA MKE BUF BDL PVD ROC SYR CHS SAV BHM SDF ORF BOI GEG OGG KOA LIH PSP YOW YEG YWG YHZ YQB YYJ
YTZ MTY TIJ SJD PVR SJO LIR GUA SAL SAP MGA PUJ SDQ STI MBJ KIN NAS BGI POS AUA CUR SXM PTP FDF UVF ANU MDE
CLO CTG BAQ GYE CUZ LPB VVI ASU COR MDZ CGH VCP SDU POA CWB REC FOR FLN NVT MAO BEL ITM OKA HIJ SDJ KMQ KOJ
CJU TAK WUH CSX XMN TAO NKG TSN DLC SHE HRB URC SYX NNG FOC TNA CGO HAK KWL LXA MFM KHH TSA CNX CEI USM KBV
HDY DAD CXR PQC SAI VTE LPQ MDL PEN LGK BKI KCH JHB KNO UPG YIA BPN LOP CEB CRK DVO ILO BWN COK TRV CCJ GOI
GOX PNQ AMD JAI LKO PAT VNS GAU IXC ATQ NAG SXR MLE PBH PEW SKT KBL BSZ NQZ DYU ASB OVB SVX KZN AER KRR UFA
ROV KUF VVO KHV IKT ADL CBR OOL CNS HBA DRW CHC WLG ZQN NOU APW TBU RAR GUM POM ULN HIR VLI SCQ BTS BHD""",
    1: """
ABZ INV SOU EMA LBA LPL CWL EXT BOH JER GCI IOM KIR DOL BES RNS SXB LIL MPL BIA AJA FMM FKB BRE DTM FDH KLU
LNZ TRS GOA CAG OLB AHO BDS SUF PEG ANE RMI TPS MAH REU GRO ZAZ GRX LEI XRY VGO OVD SDR EAS SPC VIT PXO TER
HOR LLA UME KRN OSD VXO VBY AAR RKE AES TOS BOO KRS HAU MOL EVE ALF KKN LYR FAE OUL KUO JOE VAA IVL TAY KUN
LUZ RZE SZZ BZG OSR BRQ KSC DEB CLJ TSR IAS SBZ BOJ BBU INI ZAD PUY RJK KGS CHQ JSI ZTH KVA SZF GZT TZX ASR
DIY KYA NAV VAN KUT BUS ODS LWO HRK IEV MSQ RMO MQF CEK OMS TOF KJA VOG GOJ PEE MRV ASF YKS GDX UUS PKC ORN
CZL OUD NDR TIP MJI BEN KRT LXR ASW HBE BJL FNA ROB OUA BKO NKC COO LFW NDJ SSG LBV PNR BZV BGF NSI KAN PHC
ENU JRO ARK KIS BJM JUB HGA MGQ ASM JIB BUQ LVI PLZ ELS BFN GRJ KIM MQP NLA BEW NOS DZA HAH SID RAI JAN JAC
AVL GSP CAE MYR TYS CHA HSV LIT XNA ICT DSM CID MSN GRR FNT DAY TOL LEX CAK ALB BTV PWM MHT SWF HPN ISP ABE
MDT AVP CRW ROA TLH PNS VPS ECP MLB SRQ PIE SFB DAB GNV MOB MGM BTR LFT SHV AEX CRP BRO HRL MFE LRD MAF LBB
AMA GJT ASE EGE COS HDN BZN MSO FCA BIL GTF RAP FSD FAR BIS GFK MOT DLH INL RST LSE GRB ATW FWA SBN SPI PIA
BMI MLI SGF COU FAY ILM HHH AGS CSG ORH ACY ITH ELM FAI JNU KTN SIT BET OME OTZ BRW ADQ ITO EUG MFR RDM PSC
BLI YKM FAT MRY SBA SBP BFL STS ACV RDD GCN FLG YUM PVU TWF SUN IDA HVN YXE YQR YXU YHM YKF YQM YFC YSJ YYT
YYG YQY YXX YLW YKA YXS YXY YZF YFB YQT YSB YAM YMM YGR YVO BJX QRO MID OAX VER AGU SLP CUL HMO CJS CUU MZT
ACA ZIH HUX CZM TAM VSA TRC PBC PLS GCM BZE RTB LCE BOC DAV VRA HOG SCU POP AZS LRM FPO MHH EIS STT STX SKB
GND SVD DOM TAB BON GEO PBM CAY MAR VLN BLA BGA PEI SMR LET ADZ GPS MEC AQP PIU TRU IQT JUL CBB SRE IGU IGR
USH FTE BRC SLA TUC ROS NQN CRD PUQ PMC IQQ ANF CJC LSC CCP IPC VIX NAT MCZ AJU JPA THE SLZ BPS IOS GYN CGB
CGR LDB MGF JOI PVH RBR BVB MCP STM UDI RAO PMW MPN UKB HSG NGS KMJ OIT MYJ TKS AOJ HKD KUH AXT ISG MMY RSU
TAE KWJ YNZ HET INC LHW XNN DYG LJG JJN WNZ NGB ZUH KHN HFE SJW TYN DNH KWE CGQ JMU DSN URT UTH KKC UBP TST
HUI HPH VCA VCL DLI BWA PKR IXB IXR BBI RPR IDR BHO UDR JDH BDQ STV HSR IXE HBX TRZ CJB IXM VTZ VGA TIR GOP
DED IXJ IXL IXZ IMF IXA DIB JRG CGP ZYL JAF HRI LYP MUX GIL GAN VAM FVM PZU SYZ MHD KIH AWZ TBZ IFN BND SLL
KAZ MDC PDG PLM PKU BTH PNK BDJ TRK SRG SOC BDO LBJ AMQ DJJ KOE TTE MYY SDK SBW TWU LBU TWB KLO PPS TAG BCD
MPH NSN DUD NPE ROT PMR HLZ NPL IVC TRG LST MKY TSV ROK BDB NTL MCY HVB PPP ASP AYQ BME KTA PHE KGI GET BHQ
ABX ALH MGB WGA AVV HTI NLK LDH RFP BOB MOZ HOQ TRW MAJ KWA PNI YAP ROR SPN PPG FUN IUE INU CXI CCK JST SCE
GOH SFJ JAV UAK NOC""",
}

# Metropolitan code -> name, country, airports (the main one first).
# OSL is also an airport's code; searching for it covers the area, as IATA means it.
METROPOLITAN = {
    "LON": ("London", "GB", "LHR LGW STN LTN LCY"),
    "PAR": ("Paris", "FR", "CDG ORY BVA"),
    "MIL": ("Milan", "IT", "MXP LIN BGY"),
    "ROM": ("Rome", "IT", "FCO CIA"),
    "OSL": ("Oslo", "NO", "OSL TRF"),
    "STO": ("Stockholm", "SE", "ARN BMA NYO VST"),
    "REK": ("Reykjavik", "IS", "KEF RKV"),
    "MOW": ("Moscow", "RU", "SVO DME VKO"),
    "TCI": ("Tenerife", "ES", "TFS TFN"),
    "NYC": ("New York", "US", "JFK EWR LGA"),
    "WAS": ("Washington", "US", "IAD DCA BWI"),
    "CHI": ("Chicago", "US", "ORD MDW"),
    "YTO": ("Toronto", "CA", "YYZ YTZ"),
    "SAO": ("Sao Paulo", "BR", "GRU CGH VCP"),
    "RIO": ("Rio de Janeiro", "BR", "GIG SDU"),
    "BHZ": ("Belo Horizonte", "BR", "CNF PLU"),
    "BUE": ("Buenos Aires", "AR", "EZE AEP"),
    "TYO": ("Tokyo", "JP", "HND NRT"),
    "OSA": ("Osaka", "JP", "KIX ITM UKB"),
    "SPK": ("Sapporo", "JP", "CTS OKD"),
    "SEL": ("Seoul", "KR", "ICN GMP"),
    "BJS": ("Beijing", "CN", "PEK PKX"),
    "JKT": ("Jakarta", "ID", "CGK HLP"),
}

# Airports whose table entry names a suburb, a county or an old spelling -> the city travellers call it.
CITIES = """
YVR Vancouver|YYZ Toronto|YUL Montreal|EZE Buenos Aires|IST Istanbul|DFW Dallas|DAL Dallas|DEL Delhi
LED Saint Petersburg|PMI Palma de Mallorca|PTY Panama City|NGO Nagoya|CTS Sapporo|XIY Xi'an|DPS Bali
BVA Paris Beauvais|BSL Basel|BGY Bergamo|CIA Rome|VCE Venice|NAP Naples|TRN Turin|FLR Florence|SVQ Seville
GOA Genoa|LPA Gran Canaria|TFS Tenerife|TFN Tenerife|TRF Sandefjord|BEG Belgrade|PRN Pristina|HER Heraklion
RHO Rhodes|CFU Corfu|MLA Malta|DWC Dubai|FEZ Fez|DSS Dakar|RUN Reunion|SEZ Mahe|ZNZ Zanzibar|CVG Cincinnati
BDL Hartford|SAL San Salvador|SAP San Pedro Sula|AUA Aruba|CUR Curacao|PTP Pointe-a-Pitre|UVF Saint Lucia
MDE Medellin|LPB La Paz|SDU Rio de Janeiro|GIG Rio de Janeiro|MFM Macau|KHH Kaohsiung|TSA Taipei
USM Koh Samui|PQC Phu Quoc|JHB Johor Bahru|KNO Medan|UPG Makassar|LOP Lombok|YIA Yogyakarta|CEB Cebu
CRK Clark|COK Kochi|TRV Thiruvananthapuram|CCJ Kozhikode|GOI Goa|GOX Goa|NAG Nagpur|RAR Rarotonga|GUM Guam
NOU Noumea|CJU Jeju|ILO Iloilo|DVO Davao|KWL Guilin|MRU Mauritius|EBB Entebbe|BAH Bahrain|KTI Phnom Penh
SAI Siem Reap|BSZ Bishkek|RMO Chisinau|JKH Chios|KRN Kiruna|BLR Bangalore|ULN Ulaanbaatar|HAN Hanoi
SKP Skopje
"""

# Names people use that the airports table does not hold, folded (small letters, no accents) -> code.
ALIASES = """
la=LAX|ny=NYC|big apple=NYC|manhattan=NYC|brooklyn=NYC|new york city=NYC|washington dc=WAS
washington d c=WAS|dc=WAS|sf=SFO|vegas=LAS|philly=PHL|rio=RIO|saigon=SGN|ho chi minh=SGN|bombay=BOM
calcutta=CCU|madras=MAA|bengaluru=BLR|new delhi=DEL|peking=BJS|canton=CAN|kiev=KBP|munchen=MUC|muenchen=MUC
koln=CGN|koeln=CGN|nurnberg=NUE|nuernberg=NUE|duesseldorf=DUS|hanover=HAJ|frankfurt=FRA|wien=VIE|zuerich=ZRH
geneve=GVA|genf=GVA|bruxelles=BRU|brussel=BRU|the hague=RTM|den haag=RTM|lisboa=LIS|sevilla=SVQ|palma=PMI
mallorca=PMI|majorca=PMI|las palmas=LPA|menorca=MAH|madeira=FNC|azores=PDL|algarve=FAO|roma=ROM|milano=MIL
venezia=VCE|firenze=FLR|napoli=NAP|torino=TRN|genova=GOA|sicily=CTA|sardinia=CAG|corsica=AJA|praha=PRG
warszawa=WAW|cracow=KRK|kobenhavn=CPH|goteborg=GOT|moskva=MOW|petersburg=LED|bucuresti=OTP|beograd=BEG
athina=ATH|crete=HER|zakynthos=ZTH|zante=ZTH|kos=KGS|valletta=MLA|torp=TRF|beauvais=BVA|svalbard=LYR
spitsbergen=LYR|lofoten=EVE|cappadocia=NAV|constantinople=IST|mecca=JED|jeddah=JED|jerusalem=TLV
marrakesh=RAK|kilimanjaro=JRO|seychelles=SEZ|port louis=MRU|kyoto=OSA|okinawa=OKA|cochin=COK|trivandrum=TRV
calicut=CCJ|kerala=COK|maldives=MLE|fiji=NAN|tahiti=PPT|hawaii=HNL|oahu=HNL|maui=OGG|kauai=LIH
fort worth=DFW|dallas fort worth=DFW|saint paul=MSP|disney world=MCO|cabo=SJD|cabo san lucas=SJD
easter island=IPC|galapagos=GPS|iguazu=IGR|machu picchu=CUZ|cuzco=CUZ|denpasar=DPS|makassar=UPG|rangoon=RGN
kuwait=KWI|manama=BAH|kampala=EBB|sint maarten=SXM|kishinev=RMO|angkor=SAI|pnh=KTI|rep=SAI|fru=BSZ|kiv=RMO
haneda=HND|ezeiza=EZE|la guardia=LGA|incheon=ICN|o hare=ORD|el prat=BCN
"""
