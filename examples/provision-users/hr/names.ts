/** Names that go together; grouped so that `Þórsdóttir` does not end up with a man called Łukasz. */
export interface Origin {
  /** How many in a hundred of the company, roughly. */
  readonly weight: number
  readonly givenNames: readonly string[]
  readonly surnames: readonly string[]
  /** Where most people of this origin work. */
  readonly offices: readonly string[]
}

/** A Nordic company with offices across Europe and beyond: common names, invented people. */
export const ORIGINS: readonly Origin[] = [
  origin(
    24,
    `Åsa Björn Göran Märta Sören Gösta Håkan Maj-Britt Jörgen Annika Elin Oskar Karin Mats Ulrika Fredrik
     Hanna Johan Sofia Viktor Lovisa Per-Erik Åke Örjan Kerstin Anders Ebba Linnéa Désirée Niklas Malin
     Tobias Ylva Rickard Camilla Jonas Gunilla Hampus Frida Staffan Tove Claes Cecilia Pär Vendela Kjell
     Moa Torsten`,
    `Åkerström Öberg Sjöström Lindqvist Nordström Hägglund Söderberg Ekström Bäckström Nyström Hedlund
     Wikström Ahlström Holmqvist Sandström Östlund Löfgren Sundqvist Björklund Granström Hjälmeby Ängquist
     Forsgren Lindahl Norén Rosén Åhlander Öhman Bergqvist Hallström Lundmark Sjögren Wallgren Dahlén
     Törnqvist Stenberg Hörnfeldt Palmblad Edström Källström Brodén Fahlgren Höglund Rydström Engdahl
     Näslund Vikander-Holm Melin`,
    'Stockholm|Göteborg|Malmö|Remote',
  ),
  origin(
    12,
    `Håvard Øystein Solveig Bjørg Åshild Sindre Ragnhild Torbjørn Ingrid Kjersti Marte Eirik Søren Jørgen
     Mette Birgitte Rasmus Kåre Anne-Grethe Frøydis Gro Trygve Ellen Vegard Bente Halvor Lærke Mikkel
     Signe Asbjørn Inger Pål Sverre Tiril`,
    `Bjørnstad Østby Sæther Hauge Nordbø Mæland Fjeldstad Årdal Haugland Kjærgaard Østergaard Nørgaard
     Søndergaard Bæk Brøndum Bækgaard Tveit Rødland Løvås Bråten Skjelbred Myhre Sørli Kvåle Ødegård
     Vestergård Thøgersen Rønning Lyngås Hæstad Grønli Dalsgaard Nygård`,
    'Oslo|Trondheim|København|Århus',
  ),
  origin(
    10,
    `Päivi Jyrki Väinö Tuomas Sirkka Kaisa Jarkko Riitta Mikko Sari Pekka Hilkka Yrjö Sampsa Anni
     Aino-Maria Heikki Terttu Jouni Satu Petteri Raija Lauri Tiina Ville-Matti Marjukka Eero Säde`,
    `Hämäläinen Mäkelä Väisänen Kärkkäinen Pöyhönen Jääskeläinen Virtanen Korhonen Nieminen Lähteenmäki
     Åström Ylönen Rytkönen Kinnunen Hyvärinen Tötterman Keränen Sillanpää Töyrylä Laaksonen Pirttijärvi
     Ruohomäki Kettunen Myllylä Vähäkangas Leppänen`,
    'Helsinki|Tampere|Tallinn',
  ),
  origin(
    2,
    `Sigríður Guðrún Þórdís Ásta Hrafnhildur Kristín Ólöf Æsa Bryndís`,
    `Þórsdóttir Jónsdóttir Guðmundsdóttir Ægisdóttir Sigurðardóttir Árnadóttir Hauksdóttir`,
    'Reykjavík|Remote',
  ),
  origin(
    2,
    `Þorsteinn Guðni Ólafur Sævar Árni Hörður Ingólfur Þráinn`,
    `Þórsson Sigurðsson Ægisson Bjarnason Hálfdánarson Eyþórsson Hauksson`,
    'Reykjavík',
  ),
  origin(
    9,
    `Jürgen Käthe Günter Jörg Bärbel Anneliese Sönke Lukas Heike Uwe Birgit Matthias Steffen Annegret
     Karl-Heinz Rüdiger Ute Dörte Holger Friederike Götz Sabine Tilman Urs Reto Vreni`,
    `Müller-Lüdenscheidt Schröter Weiß Großmann Köhler Jäger Böhm Krüger Vößing Brückner Schäfer-Lang
     Hübner von_der_Heide Strauß Rößler Kühnel Fröhlich Grünwald Dörfler Aebischer Zürcher Lütjens Wöhrle
     Baumgärtner`,
    'München|Düsseldorf|Zürich',
  ),
  origin(
    6,
    `Daan Fleur Zoë Maaike Joost Noëlle Ruben Geert Loïs Sanne Chloë Thijs Femke Wouter Anouk Jeroen
     Liesbeth Sjoerd`,
    `van_der_Berg de_Vries van_'t_Hoff ten_Brink Jansen Hoekstra van_den_Broek Dijkstra IJsselstein Coppée
     Vermeulen ter_Horst Wijngaarden de_Bruyn Oosterhuis Zuidema`,
    'Amsterdam|Antwerpen',
  ),
  origin(
    8,
    `Siân Gráinne Aoife Seán Siobhán Rhys Eleri Fergus Niamh Colm Pádraig Morag Harriet Gareth Róisín
     Mary_Ann Alistair Bethan Declan Imogen Oisín Tegan Callum Sinéad`,
    `O'Connor O'Shea Ó_Briain MacLeod Nic_Dhòmhnaill Griffiths Pritchard D'Arcy Whitcombe-Hale O'Gorman
     Penhaligon Ashworth McAllister Ní_Fhlaithearta Braithwaite Llewellyn O'Rourke Thistlewood Carmody
     FitzGibbon`,
    'Dublin|Cardiff|Leeds',
  ),
  origin(
    5,
    `Hélène Jean-Luc Céline François Maëlle Benoît Gaëtan Océane Jérôme Agnès Anaïs Aurélien Solène Rémi
     Thérèse Loïc`,
    `Lefèvre D'Aubigné Bérenger Château Le_Goff Saint-Aubert L'Hôpital Garçon Lemaître Noël Bézier
     Quéméneur Desprès Maréchal`,
    'Lyon|Bruxelles',
  ),
  origin(
    4,
    `Niccolò Giulia Matteo Chiara Ilaria Davide Tommaso Fabrizia Ludovica Edoardo Noemi Ruggero`,
    `D'Angelo Dell'Acqua Lo_Cascio Bianchi Forlì De_Santis Nicolò Marchetti Cantù D'Alò Zanetti
     Pellegrin`,
    'Milano',
  ),
  origin(
    4,
    `Íñigo Begoña João Conceição Iñaki Mónica Tomás Lúcia Álvaro Inês Gonçalo Nélida Rocío Estêvão`,
    `Muñoz Ibáñez Gonçalves Simões Núñez Peña_Álvarez Magalhães Araújo García-Ortuño Brandão Zúñiga Falcão
     Etxeberría`,
    'Lisboa|Bilbao',
  ),
  origin(
    3,
    `Łukasz Paweł Michał Stanisław Grzegorz Wojciech Zdzisław Bartłomiej`,
    `Wójcik Żak Śliwiński Gołębiowski Dąbrowski Łuczak Kość Brzęczek Źródłowski`,
    'Kraków|Gdańsk',
  ),
  origin(
    3,
    `Małgorzata Bożena Zofia Agnieszka Danuta Elżbieta Świętosława Łucja`,
    `Żurawska Śliwińska Kołodziej Dąbrowska Wójcik Gołębiowska Łęcka Pająk`,
    'Kraków|Gdańsk',
  ),
  origin(
    2,
    `Jiří Tomáš Ondřej Lukáš Zdeněk Matěj Řehoř`,
    `Dvořáček Říha Kučera Žižka Šimek Hruška Vaněk`,
    'Praha',
  ),
  origin(
    2,
    `Šárka Zdeňka Kateřina Ľubica Božena Anežka Věra`,
    `Šimková Řezníčková Kučerová Čechová Ďurišová Hrušková Vaňková`,
    'Praha',
  ),
  origin(
    2,
    `İpek Çağla Ömer Gökhan Şule Barış Işıl Tuğba`,
    `Yıldız Öztürk Şahin Gündoğdu Güneş Aydın Kılıçoğlu`,
    'İzmir',
  ),
  origin(
    2,
    `Linh Thảo Hương Đức Tuấn Phượng Hiếu Ngọc_Ánh`,
    `Nguyễn Trần Phạm Đặng Võ Huỳnh Lương`,
    'Hồ Chí Minh|Remote',
  ),
  origin(
    3,
    `Andris Kārlis Jānis Žydrė Rūta Õie Tõnu Līga Mindaugas Ülle`,
    `Bērziņš Ozoliņa Kalniņš Žukauskas Põldmaa Kõiv Šķēle-Āboliņa Jõgi Vītols Šimkutė`,
    'Rīga|Tallinn',
  ),
  origin(
    4,
    `Priya Arjun Ananya Rohit Kavita Sanjay Lakshmi Nikhil Farhan Meera`,
    `Krishnamurthy Iyer Deshpande Chatterjee Nair Qureshi Bhattacharya Rangan Sethi`,
    'Bengaluru|Remote',
  ),
]

/** Words are parted by blanks; an underscore stands for a blank inside a name. */
function origin(weight: number, givenNames: string, surnames: string, offices: string): Origin {
  return { weight, givenNames: words(givenNames), surnames: words(surnames), offices: offices.split('|') }
}

function words(text: string): string[] {
  return text.split(/\s+/).map((word) => word.replaceAll('_', ' '))
}
