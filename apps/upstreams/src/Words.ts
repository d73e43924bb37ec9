/**
 * The words that nicknames and room titles are made of, by language: enough scripts that whoever shows them meets what a
 * real platform brings (right-to-left text, combining marks, wide characters, emoji joined from several code points).
 */

export interface Language {
  readonly code: string
  /** How often it is spoken here, relative to the others. */
  readonly weight: number
  readonly first: ReadonlyArray<string>
  readonly last: ReadonlyArray<string>
  readonly joint: string
  readonly titles: ReadonlyArray<string>
}

export const languages: ReadonlyArray<Language> = [
  {
    code: "zh",
    weight: 30,
    first: [
      "晚风",
      "小鹿",
      "星河",
      "北岛",
      "南栀",
      "青柠",
      "山海",
      "云朵",
      "故里",
      "夏目",
      "江南",
      "月下",
      "橘子",
      "白茶"
    ],
    last: [
      "吹过",
      "乱撞",
      "入梦",
      "听雨",
      "未眠",
      "汽水",
      "归人",
      "棉花糖",
      "少年",
      "不打烊",
      "烟雨",
      "独酌",
      "味的风",
      "清欢"
    ],
    joint: "",
    titles: [
      "深夜电台｜今晚只聊心事",
      "冲分王者！五排缺一",
      "四川妹子教你做回锅肉",
      "钢琴点歌台 🎹 随便点",
      "云南古镇慢直播",
      "考研自习室 陪你到十二点",
      "汉服试穿｜宋制新款",
      "凌晨三点的便利店",
      "吉他弹唱：民谣与酒",
      "猫咖日常 🐱 小橘又胖了",
      "手工耿式发明现场",
      "敦煌壁画临摹第 12 天"
    ]
  },
  {
    code: "ja",
    weight: 14,
    first: ["さくら", "ゆき", "ひなた", "月夜", "あおい", "ねこ", "そら", "ミント", "蒼", "もち"],
    last: ["うさぎ", "のうた", "まる", "ラジオ", "ちゃん", "先輩", "パン", "の森", "ノート", "P"],
    joint: "",
    titles: [
      "まったり雑談♪ 初見さん歓迎",
      "歌枠🎤 リクエスト受付中",
      "お絵描き配信｜水彩",
      "深夜のラーメン作業配信",
      "初見クリアまで寝ません",
      "京都さんぽ生中継",
      "もくもく勉強会 50分×3",
      "ピアノ即興、雨の音と"
    ]
  },
  {
    code: "ko",
    weight: 12,
    first: ["별빛", "하늘", "고양이", "밤하늘", "달콤한", "초코", "민트", "여름", "가을", "작은"],
    last: ["소년", "토끼", "라떼", "산책", "노래", "구름", "바다", "편지", "여행자", "단비"],
    joint: "",
    titles: [
      "새벽 감성 라디오 🌙",
      "먹방｜불닭볶음면 도전",
      "노래 신청 받아요",
      "같이 공부해요 스터디윗미",
      "한강 라이브 버스킹",
      "롤 다이아 승급전",
      "뜨개질하며 수다",
      "제주 바다 멍때리기"
    ]
  },
  {
    code: "en",
    weight: 16,
    first: ["Velvet", "Pixel", "Midnight", "Paper", "Lucky", "Neon", "Quiet", "Copper", "Juniper", "Static", "Maple"],
    last: ["Fox", "Harbor", "Lantern", "Otter", "Comet", "Moth", "Drift", "Sparrow", "Signal", "Biscuit", "Tide"],
    joint: "",
    titles: [
      "Lo-fi beats to ship code to",
      "Ranked grind: road to Diamond",
      "Sourdough & small talk",
      "24h desert night sky cam",
      "Speedrun: any% or bust",
      "Watercolor Wednesday",
      "Open mic night 🎸 all welcome",
      "Learning the cello in public",
      "Retro repair bench: Game Boy #7",
      "Trivia with strangers"
    ]
  },
  {
    code: "latin",
    weight: 10,
    first: ["José", "Zoë", "Łukasz", "Çağla", "Søren", "Anaïs", "João", "Žofie", "Nguyễn", "Iñaki"],
    last: ["Müller", "Peña", "Đặng", "Øster", "Sofía", "Corazón", "d’Été", "Ångström", "Güneş", "Ríos"],
    joint: " ",
    titles: [
      "Noche de boleros y café",
      "Forró ao vivo — sexta é dia!",
      "Cuisine du marché, sans chichi",
      "Gece Sohbeti: Kahve Falı",
      "Học tiếng Việt cùng Đặng",
      "Märchenstunde für Große",
      "Gra w szachy: otwarcia",
      "Paseo por Sevilla en directo"
    ]
  },
  {
    code: "ar",
    weight: 7,
    first: ["ليلى", "نور", "قمر", "سالم", "ياسمين", "فارس", "ريم", "غيث"],
    last: ["الصحراء", "البحر", "القمر", "الشام", "الورد", "السماء", "النخيل", "الليل"],
    joint: " ",
    titles: [
      "سهرة عود وطرب",
      "قهوة وحكايات المساء",
      "طبخات رمضان مع ليلى",
      "تحدي الألغاز 🧩",
      "جولة في أسواق مراكش",
      "شعر على ضوء القمر"
    ]
  },
  {
    code: "ru",
    weight: 7,
    first: ["Тихий", "Снежный", "Ночной", "Рыжий", "Мятный", "Лунный", "Добрый", "Бумажный"],
    last: ["Кот", "Ветер", "Трамвай", "Чай", "Ёжик", "Журавль", "Маяк", "Сон"],
    joint: " ",
    titles: [
      "Ночной эфир: стихи и чай",
      "Шахматы блиц 3+2",
      "Готовим борщ по бабушкиному рецепту",
      "Прохождение без смертей",
      "Гитара у костра",
      "Вяжем и болтаем 🧶"
    ]
  },
  {
    code: "hi",
    weight: 3,
    first: ["आरव", "मीरा", "सितारा", "दीया"],
    last: ["संगीत", "मल्होत्रा", "बादल", "यात्रा"],
    joint: " ",
    titles: ["शाम की चाय और ग़ज़लें", "क्रिकेट पर सीधी बात 🏏", "रसोई से लाइव"]
  },
  {
    code: "th",
    weight: 3,
    first: ["น้ำ", "ฟ้า", "ปลา", "มะลิ"],
    last: ["ใส", "คราม", "ทอง", "หอม"],
    joint: "",
    titles: ["เล่นเกมชิลๆ ก่อนนอน", "ทำอาหารอีสานแซ่บๆ", "ร้องเพลงตามคำขอ"]
  },
  {
    code: "he",
    weight: 2,
    first: ["נועה", "אורי", "תמר", "גיל"],
    last: ["ירח", "הים", "כוכב", "גלים"],
    joint: " ",
    titles: ["הופעה חיה מתל אביב", "שיחות לילה"]
  }
]

/** What some put after their names. */
export const ornaments: ReadonlyArray<string> = ["🌙", "✨", "🐱", "🎧", "🌸", "🔥", "👩‍🚀", "🧑🏽‍🎤", "🏳️‍🌈", "♪", "彡", "ツ"]

export const badges: ReadonlyArray<string> = [
  "first-gift",
  "fan-club",
  "night-owl",
  "top-100",
  "anniversary",
  "moderator",
  "beta-tester",
  "lucky-star",
  "early-bird"
]

export const privileges: ReadonlyArray<string> = [
  "no-ads",
  "entrance-effect",
  "colored-chat",
  "hd-stream",
  "priority-seat",
  "custom-emoji",
  "hide-presence"
]
