"""What people call cities beside the name in the airports table. Data only: code: name, name, and so on."""

from __future__ import annotations

NICKNAMES = """
LAX: l.a., city of angels, tinseltown, hollywood
SFO: san fran, frisco, s.f., bay area, san francisco bay area, silicon valley|SAN: s.d., sd
NYC: n.y.c., n.y., gotham, jersey city, queens, staten island|CHI: chi-town, chitown, windy city, chicagoland
LAS: sin city|PHL: city of brotherly love, phila|MSY: nola, big easy, nawlins, n'awlins|BOS: beantown, bean town
DTW: motor city, motown|ATL: hotlanta|DFW: big d, metroplex|IAH: h-town, htown, space city|DEN: mile high city
SEA: emerald city, sea-tac|MIA: magic city, miami beach, south beach|BNA: music city|PIT: steel city
MSP: twin cities, minneapolis saint paul|WAS: d.c.|IND: indy|JAX: jax|BWI: charm city|MKE: brew city|CVG: cincy
SMF: sacto|CUN: riviera maya|TPA: tampa bay, saint petersburg florida|MCO: disneyworld, disney, walt disney world
SNA: anaheim, disneyland, orange county|ASE: aspen snowmass|EGE: vail|JAC: jackson hole|HNL: waikiki|ACK: nantucket
YVR: van city, vancity|YTO: t.o., hogtown|YYC: cowtown|YQB: ville de quebec|YUL: mtl
MEX: ciudad de mexico, cdmx, mexico d.f., mexico df, distrito federal|RIO: cidade maravilhosa
LON: greater london, london town|MAN: manc, madchester|EDI: auld reekie|PAR: city of light, paname|BCN: barca
ROM: eternal city|SIN: lion city|HKG: hk, h.k.|KUL: k.l., kl|DEL: n. delhi|MEL: melb, melbs|BNE: brissie
JNB: jozi, joburg|BKK: krung thep|DPS: ubud, kuta, seminyak
"""

ENDONYMS = """
LON: londres, londra, londyn, londen, lontoo, лондон, 伦敦, 倫敦, ロンドン, 런던, λονδινο, لندن
PAR: parigi, paryz, parijs, paríž, pariisi, париж, 巴黎, パリ, 파리, παρισι, باريس
NYC: nueva york, nova york, nova iorque, neu york, nowy jork, nuova york, нью-йорк, 纽约, 紐約, ニューヨーク, 뉴욕
ROM: rom, rzym, rooma, řím, рим, 罗马, 羅馬, ローマ, 로마, ρωμη|MIL: mailand, mediolan, милан, 米兰, ミラノ, 밀라노
VCE: venedig, venecia, veneza, venise, wenecja, венеция, 威尼斯
FLR: florenz, florencia, florencja, florença, флоренция|NAP: neapel, napoles, nápoly|TRN: turyn|GOA: genua, gênes
PSA: pise|CTA: sizilien, sicilia, sicile|BER: berlijn, berlino, berlim, берлин, 柏林, ベルリン, 베를린
MUC: monaco di baviera, munique, monachium, mnichov, мюнхен, 慕尼黑|CGN: colonia alemania, keulen, kolonia
FRA: francfort, francoforte, франкфурт, 法兰克福|HAM: hamburgo, amburgo, гамбург|NUE: norimberga
NCE: nizza, niza, nica|VIE: viena, vienne, wieden, vídeň, bécs, вена, 维也纳, ウィーン, 빈|SZG: salzbourg, salzburgo
ZRH: zurigo, цюрих, 苏黎世|GVA: ginebra, ginevra, genebra, женева, 日内瓦|BSL: bâle, basilea, basle
BRU: bruselas, bruxelas, bruksela, брюссель|AMS: amsterdão, амстердам, 阿姆斯特丹, アムステルダム|RTM: róterdam
ANR: anvers, antwerpen, amberes|LUX: luxemburg, luxemburgo|MAD: madryt, мадрид, 马德里, マドリード, 마드리드
BCN: barcelone, barcellona, барселона, 巴塞罗那, バルセロナ, 바르셀로나|SVQ: siviglia|PMI: maiorca, majorque
IBZ: eivissa|LIS: lissabon, lisbonne, lisbona, лиссабон, 里斯本|OPO: oporto
ATH: athen, athènes, atene, atenas, ateny, афины, αθηνα, 雅典|SKG: saloniki, salónica, θεσσαλονικη
CPH: kopenhagen, copenhague, copenaghen, kööpenhamina, köpenhamn, копенгаген, 哥本哈根|OSL: kristiania, осло
STO: estocolmo, stoccolma, tukholma, стокгольм|GOT: goteburgo|HEL: helsingfors, хельсинки
PRG: prag, praga, praag, прага, 布拉格|WAW: warschau, varsovia, varsovie, varsavia, варшава
KRK: krakau, cracovia, cracovie|GDN: danzig|WRO: breslau|BUD: budapeszt, будапешт, 布达佩斯
OTP: bukarest, bucarest, бухарест|SOF: софия|BEG: belgrad, belgrado, београд, белград|ZAG: agram|SPU: spalato
IST: estambul, стамбул, 伊斯坦布尔|MOW: moskau, moscú, mosca, moscou, moskwa, москва, 莫斯科
LED: sankt petersburg, san petersburgo, st petersburg russia, saint-petersbourg, санкт-петербург|KBP: київ, киев
RIX: рига|VNO: wilna|TLL: reval|TBS: tiflis|EVN: erivan|DUB: dublino, дублин
EDI: edimburgo, édimbourg, edinburg, эдинбург|CAI: kairo, el cairo, le caire, القاهرة, каир, 开罗|ALG: argel, algier
TUN: túnez|RAK: marraquexe, marraquech|JNB: johannesburgo
CPT: ciudad del cabo, kapstadt, le cap, kaapstad, cidade do cabo, кейптаун|ADD: addis, addis abeba|NBO: найроби
DXB: دبي, дубай, 迪拜, ドバイ, 두바이|AUH: abu dabi|JED: djeddah|RUH: riad, riyad|TLV: tel-aviv jaffa, тель-авив
DEL: nueva delhi, neu delhi, дели, 德里, दिल्ली, नई दिल्ली|BOM: मुंबई, мумбаи
SIN: singapur, singapour, singapura, сингапур, 新加坡, シンガポール, 싱가포르
BKK: бангкок, 曼谷, バンコク, 방콕, กรุงเทพ|SGN: thanh pho ho chi minh, tp hcm, hcmc|HAN: hà nội
KUL: куала-лумпур, 吉隆坡|JKT: djakarta|MNL: manille, metro manila|HKG: hongkong, xianggang, гонконг, 香港, 홍콩
TPE: taipeh, 台北|BJS: pekin, pequim, pechino, пекин, 北京, 베이징|PVG: schanghai, шанхай, 上海, 상하이|CAN: 广州
SEL: seúl, сеул, 서울, 首尔, ソウル|TYO: tokio, tóquio, токио, 東京, 东京, 도쿄|OSA: 大阪, 오사카|SPK: 札幌
SYD: sídney, сидней, 悉尼, シドニー, 시드니|MEL: мельбурн, 墨尔本|AKL: 奥克兰
LAX: лос-анджелес, 洛杉矶, ロサンゼルス, 로스앤젤레스|SFO: сан-франциско, 旧金山, サンフランシスコ
CHI: чикаго, 芝加哥, シカゴ|LAS: лас-вегас, 拉斯维加斯|MIA: майами|BOS: бостон|WAS: вашингтон
MSY: nouvelle-orléans, nueva orleans|YTO: торонто, 多伦多
MEX: mexiko-stadt, città del messico, мехико, cidade do mexico|HAV: la habana, la havane, havanna|SAO: sampa
BUE: baires, буэнос-айрес|BOG: santa fe de bogota|SCL: santiago de chile
"""
